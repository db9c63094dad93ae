import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import { ERRORS } from '../../src/protocol/codes.ts'
import { connect } from '../helpers/client.ts'
import { DOORS } from '../helpers/doors.ts'
import { startGateway } from '../helpers/gateway.ts'
import { bearer, SECRET, tokenOf } from '../helpers/tokens.ts'

const page = readFileSync(new URL('../../../docs/http.md', import.meta.url), 'utf8')

/** The rows of the table under a heading, as their cells. */
function rows (heading: string): string[][] {
  const section = page.slice(page.indexOf(`\n## ${heading}\n`)).slice(4).split('\n## ')[0]!
  return section.split('\n').filter((line) => /^\| (\d|`)/.test(line)).map((line) => line.slice(1, -1).split('|'))
}

t.test('the 15 lines of curl work as they stand, and a retry publishes once', async (t) => {
  const { http, ws } = await startGateway(t, { AUTH_SECRET: SECRET })
  const lines = /```sh\n([^`]+)```/.exec(page)![1]!
  t.equal(lines.trimEnd().split('\n').length, 15)
  const ann = await connect(t, `${ws}?join=orders:7`, bearer(await tokenOf('ann')))
  const eve = await connect(t, `${ws}?join=orders:7`, bearer(await tokenOf('eve')))
  for (const client of [ann, eve]) await client.next('joined')
  const TOKEN = await tokenOf('shop', { rooms: { 'orders:*': ['join', 'publish'] }, can: ['admin'] })
  // Each answer on a line of its own.
  const script = `set -eu\ncurl () { command curl -w '\\n' "$@"; }\n${lines}`
  const { stdout } = await promisify(execFile)('bash', ['-c', script], { env: { ...process.env, GATEWAY: http, TOKEN } })
  const answers = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
  t.match(answers, [
    { seq: 1 }, { seq: 1, duplicate: true }, { seq: 2 },
    { messages: [{ seq: 2, from: 'shop', content: { state: 'sent' } }], more: true },
    { messages: [{ seq: 1, content: { state: 'packed' } }], more: false },
    { room: 'orders:7', count: 2, members: [{ user: 'ann', connections: 1 }, { user: 'eve', connections: 1 }] },
    { user: 'ann' }
  ])
  t.equal(answers.length, 7)
  t.match(await ann.closed, { code: 4403 })
  const seen = (await eve.settle()).filter(({ type }) => type === 'message')
  t.strictSame(seen.map(({ seq, content }) => [seq, content]), [[1, { state: 'packed' }], [2, { state: 'sent' }]])
})

t.test('a line of curl that is refused says so', async (t) => {
  const { http } = await startGateway(t, { AUTH_SECRET: SECRET })
  const lines = /```sh\n([^`]+)```/.exec(page)![1]!
  const TOKEN = await tokenOf('shop', { rooms: {} })
  const run = promisify(execFile)('bash', ['-c', `set -eu\n${lines}`], { env: { ...process.env, GATEWAY: http, TOKEN } })
  const failed = await run.catch((error: unknown) => error as { readonly stdout: string })
  t.match(failed.stdout, /^[^}]*"reason":"forbidden"[^}]*\}$/, 'and nothing after it is tried')
})

t.test('the table has every call that asks for a right, and what it asks for', async (t) => {
  const calls = rows('The calls').map(([call, right]) => `${/`([A-Z]+ [^`? ]+)/.exec(call!)![1]} ${/`([a-z]+)`/.exec(right!)![1]}`)
  const doors = DOORS.filter(({ route }) => route !== undefined && !route.startsWith('HEAD'))
    .map(({ route, needs }) => `${route} ${needs.split(' ')[0]}`)
  t.strictSame(calls.sort(), doors.sort())
})

t.test('the errors have the codes that they have', async (t) => {
  for (const [code, reasons] of rows('Errors')) {
    for (const [, reason] of reasons!.matchAll(/`([a-z_]+)`/g)) t.equal(ERRORS[reason as 'bad_json'].code, Number(code), reason!)
  }
})
