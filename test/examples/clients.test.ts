import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../../cluster/ports.ts'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'
import { type Client, connect } from '../helpers/client.ts'
import { commandsOf, folderOf, installExample } from '../helpers/example.ts'
import { startGateway } from '../helpers/gateway.ts'
import { GatewayProcess } from '../helpers/process.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { type } from '../helpers/typed.ts'

t.setTimeout(120_000)

/** @returns the cursor of the last */
async function say (t: Test, client: Client, ...contents: string[]): Promise<string> {
  let last = ''
  for (const content of contents) {
    const ack = await client.ask({ type: 'message', room: 'general', content })
    t.equal(ack.type, 'ack')
    last = ack.cursor!
  }
  return last
}

t.test('examples/node-bot answers each !ping once: over kills of its own, and restarts of the gateway', { timeout: 90_000 }, async (t) => {
  const redis = await RedisServer.start()
  t.teardown(() => redis.stop())
  const env = { PORT: String(await freePort()), REDIS_URL: redis.url, DRAIN_MS: '0' }
  const first = new GatewayProcess(t, env)
  const { ws } = await first.ready()
  const ann = await connect(t, `${ws}?user=ann&join=general`)
  const folder = installExample(t, 'node-bot')
  const start = (): ReturnType<typeof type> => type(t, commandsOf('node-bot')[0]!, folder, { GATEWAY: ws })

  const bot = start()
  await ann.until('the bot is there', () => ann.presence.some(({ event, user }) => event === 'join' && user === 'bot'))
  const greeting = await say(t, ann, 'hello')
  await say(t, ann, '!ping')
  await bot.says(/^answered ann$/)
  await say(t, ann, 'before')
  await bot.end('SIGKILL')
  // As one that was killed between its answer and the keeping of its place.
  writeFileSync(join(folder, 'bot.cursor'), greeting)
  await say(t, ann, '!ping', '!ping')
  const again = start()
  await again.says(/^answered ann$/, 2)
  t.strictSame(again.lines, ['online', 'had answered ann', 'answered ann', 'answered ann'])

  first.child.kill('SIGTERM')
  await first.ended
  await again.says(/^waiting/)
  await new GatewayProcess(t, env).ready()
  const bob = await connect(t, `${ws}?user=bob&join=general`)
  await say(t, bob, '!ping')
  await again.says(/^answered bob$/)
  t.equal(await again.end('SIGTERM'), 0, 'and it ends in order')
  const { messages } = await bob.ask({ type: 'history', room: 'general' }) as unknown as { messages: Array<{ from: string, content: string }> }
  const said = messages.map(({ from, content }) => `${from}: ${content}`)
  const pong = 'bot: pong, ann'
  t.strictSame(said, ['ann: hello', 'ann: !ping', pong, 'ann: before', 'ann: !ping', 'ann: !ping', pong, pong, 'bob: !ping', 'bot: pong, bob'])
})

t.test('examples/python resumes with its cursor after a cut, by the plain protocol', { timeout: 60_000 }, async (t) => {
  const { ws, port } = await startGateway(t)
  const proxy = await TcpProxy.start(t, port)
  const ann = await connect(t, `${ws}?user=ann&join=general`)
  await say(t, ann, 'zero')
  const [command] = commandsOf('python')
  const follower = type(t, command!.replace('8080', String(proxy.port)), folderOf('python'))
  await follower.says(/^ann: zero$/)
  await say(t, ann, 'one')
  await follower.says(/^ann: one$/)
  // Nobody is there while it tries.
  proxy.targetPort = await freePort()
  proxy.cut()
  await follower.says(/^-- away$/)
  await say(t, ann, 'two', 'three')
  proxy.targetPort = port
  await follower.says(/^ann: three$/)
  await say(t, ann, 'four')
  await follower.says(/^ann: four$/)
  t.strictSame(follower.lines, [
    '-- joined, 1 to catch up with', 'ann: zero', 'ann: one', '-- away', '-- joined, 2 to catch up with', 'ann: two', 'ann: three',
    'ann: four'
  ])
  t.equal(await follower.end('SIGINT'), 0)
})

t.test('examples/curl: every command, as it stands', { timeout: 60_000 }, async (t) => {
  const { http, ws, port } = await startGateway(t)
  const proxy = await TcpProxy.start(t, port)
  const [stream, publish, read, follow] = commandsOf('curl')
  const at = (command: string): string => command.replaceAll('localhost:8080', `localhost:${port}`)
  const followed = type(t, at(stream!), folderOf('curl'))
  await followed.says(/^data: \{"type":"joined"/)
  const script = type(t, follow!, folderOf('curl'), { GATEWAY: `http://localhost:${proxy.port}` })
  const watcher = await connect(t, `${ws}?user=watcher&join=general`)
  await eventually('the script listens', async () => proxy.connections === 1)
  await eventually('all have joined', async () => {
    const { members } = await (await fetch(`${http}/rooms/general/members`)).json() as { members: object[] }
    return members.length === 3
  })

  const run = async (command: string): Promise<string[]> => {
    const { lines, ended } = type(t, at(command), folderOf('curl'))
    t.equal(await ended, 0)
    return lines
  }
  t.match(JSON.parse((await run(publish!))[0]!), { seq: 1 })
  t.match(JSON.parse((await run(publish!))[0]!), { seq: 1, duplicate: true })
  await followed.says(/^data: \{"type":"message".*Build 4711 is green/)
  await script.says(/^\{"type":"message".*Build 4711 is green/)
  proxy.targetPort = await freePort()
  proxy.cut()
  await say(t, watcher, 'while it was away')
  proxy.targetPort = port
  await script.says(/while it was away/)
  t.equal(script.lines.filter((line) => line.includes('Build 4711')).length, 1, 'and told nothing twice')
  const [page, position] = (await run(read!)).join('').split(/(?<=\})(?=\{"position)/).map((text) => JSON.parse(text) as unknown)
  t.match(page, { room: 'general', messages: [{ content: 'Build 4711 is green' }, { content: 'while it was away' }], more: false })
  t.strictSame(position, { position: 50 })
})
