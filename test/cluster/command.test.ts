import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { Child } from '../../cluster/child.ts'
import { eventually } from '../../cluster/until.ts'
import { connect } from '../helpers/client.ts'

const MAIN = fileURLToPath(new URL('../../cluster/main.js', import.meta.url))
const SMOKE = fileURLToPath(new URL('../../cluster/smoke-main.js', import.meta.url))

/** `npm run cluster -- …`, or another command, and what it says. */
async function run (
  test: Test, args: string[], env: NodeJS.ProcessEnv = {}, main = MAIN
): Promise<{ child: Child, said: string[] }> {
  const said: string[] = []
  const child = await Child.spawn(process.execPath, [main, ...args], {
    // npm passes signals on, and is not here.
    env: { ...process.env, npm_lifecycle_event: undefined, ...env }, onLine: (line) => { said.push(line) }
  })
  // A second one ends it at once, with all that it started.
  test.teardown(async () => {
    child.process.kill('SIGTERM')
    await child.end('SIGTERM')
  })
  return { child, said }
}

function pidsIn (said: readonly string[]): number[] {
  return said.flatMap((line) => /pid (\d+)$/.exec(line)?.[1] ?? []).map(Number)
}

function isAlive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

t.test('it says where it is and who is where, starts again what was killed, and ends clean on Ctrl-C', async (t) => {
  const TMPDIR = mkdtempSync(join(tmpdir(), 'tidegate-test-'))
  // Workers of a root's nginx are somebody else.
  chmodSync(TMPDIR, 0o755)
  t.teardown(() => rmSync(TMPDIR, { recursive: true, force: true }))
  const { child, said } = await run(t, ['--port', '0', '--replicas', '2'], { REPLICA: 'x', TMPDIR })
  const [, port] = await child.says(/chat +http:\/\/localhost:(\d+)\/chat/)
  await child.says(/Who is where/)
  t.ok(said.some((line) => line.endsWith('REPLICA is not used: the cluster decides that itself')))
  const pids = pidsIn(said)
  t.equal(pids.length, 4, 'two replicas, nginx and Redis')

  const ann = await connect(t, `ws://127.0.0.1:${port}/ws?user=ann`)
  const shared = await fetch(`http://127.0.0.1:${port}/rooms/general/files?name=a.txt`, { method: 'POST', body: 'hello' })
  const { file } = await shared.json() as { readonly file: { readonly url: string } }
  for (const [, url] of said.join('\n').matchAll(/gateway-[ab] +(http\S+)/g)) {
    t.equal(await (await fetch(url + file.url)).text(), 'hello', 'every replica has the files')
  }
  const replica = String(ann.welcome['replica'])
  await child.says(new RegExp(`${replica} 1 \\(ann\\)`))
  const row = said.find((line) => line.trim().startsWith(replica) && line.includes('pid'))!
  process.kill(Number(/pid (\d+)/.exec(row)![1]), 'SIGKILL')
  t.match(await ann.closed, { code: 1006 })
  const [, again] = await child.says(new RegExp(`${replica} is back, pid (\\d+)`))
  const bob = await connect(t, `ws://127.0.0.1:${port}/ws?user=bob`)
  await child.says(/1 \(bob\)/)

  process.kill(Number(/nginx .*pid (\d+)/.exec(said.find((line) => line.trim().startsWith('nginx '))!)![1]), 'SIGKILL')
  t.match(await bob.closed, { code: 1006 }, 'its workers went with it')
  await child.says(/nginx is back/)
  const cy = await connect(t, `ws://127.0.0.1:${port}/ws?user=cy`)

  child.process.kill('SIGINT')
  t.match(await cy.next('goodbye'), { reason: 'draining' })
  t.match(await cy.closed, { code: 1001 })
  t.strictSame(await child.ended, { code: 0, signal: null })
  t.strictSame([...pids, Number(again)].filter(isAlive), [], 'nothing is left')
  t.strictSame(readdirSync(TMPDIR), [])
})

t.test('a second signal ends it at once, and all of it', async (t) => {
  const { child, said } = await run(t, ['--port', '0', '--replicas', '1'], { DRAIN_MS: '600000' })
  const [, port] = await child.says(/chat +http:\/\/localhost:(\d+)\/chat/)
  await connect(t, `ws://127.0.0.1:${port}/ws`)
  child.process.kill('SIGTERM')
  await child.says(/ending/)
  child.process.kill('SIGTERM')
  t.strictSame(await child.ended, { code: 1, signal: null })
  await eventually('nothing is left', async () => !pidsIn(said).some(isAlive))
})

t.test('what is wrong is said in a line, with its exit code, and nothing is left running', async (t) => {
  const wrong = await run(t, ['--replicas', 'many'])
  t.strictSame(await wrong.child.ended, { code: 2, signal: null })
  t.equal(wrong.said[0], 'cluster: --replicas: must be an integer of 1 to 26, not "many"')

  const server = createServer().listen(0)
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  const { port } = server.address() as { port: number }
  const taken = await run(t, ['--port', String(port)])
  t.strictSame(await taken.child.ended, { code: 1, signal: null })
  t.match(taken.said.at(-1), `--port: ${port} is taken`)

  const setting = await run(t, ['--port', '0', '--replicas', '1'], { LOG_ENTRIES: 'lots' })
  t.strictSame(await setting.child.ended, { code: 1, signal: null })
  t.ok(setting.said.some((line) => line.includes('LOG_ENTRIES: must be an integer')), setting.said.join('\n'))
})

t.test('npm run smoke says what is well and what is not, and refuses what is no address', async (t) => {
  const { child } = await run(t, ['--port', '0', '--replicas', '2'])
  const [, port] = await child.says(/chat +http:\/\/localhost:(\d+)\/chat/)
  const site = `http://127.0.0.1:${port}`
  const well = await run(t, [site, '--replicas', '2'], {}, SMOKE)
  t.match(await well.child.ended, { code: 0 }, well.said.join('\n'))
  t.ok(well.said.length > 5 && well.said.every((line) => line.startsWith('ok ')))

  const three = await run(t, [site], {}, SMOKE)
  t.match(await three.child.ended, { code: 1 })
  t.ok(three.said.some((line) => line.startsWith('NOT OK  clients without one reach all 3 replicas: replicas found: ')))

  const nobody = await run(t, ['http://127.0.0.1:9'], {}, SMOKE)
  t.match(await nobody.child.ended, { code: 1 })
  t.ok(nobody.said.every((line) => /^NOT OK {2}.*(ECONNREFUSED|bad port)/.test(line)), nobody.said.join('\n'))

  const wrong = await run(t, ['localhost'], {}, SMOKE)
  t.match(await wrong.child.ended, { code: 2 })
  t.match(wrong.said[0], 'smoke: URL: must be http://host:port')
  child.process.kill('SIGTERM')
  t.match(await child.ended, { code: 0 })
})
