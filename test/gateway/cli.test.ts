import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import t, { type Test } from 'tap'
import { connect } from '../helpers/client.ts'
import { CLI, Cli, cli, spawnCli } from '../helpers/cli.ts'
import { type RunningGateway, startGateway } from '../helpers/gateway.ts'
import { SECRET, tokenOf } from '../helpers/tokens.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'

interface Started extends RunningGateway { readonly env: Record<string, string> }

/** The command line against a gateway of this process. */
async function start (test: Test, settings: Record<string, string> = {}): Promise<Started> {
  const running = await startGateway(test, settings)
  return { ...running, env: { TIDEGATE_URL: running.http, TZ: 'UTC' } }
}

// eslint-disable-next-line no-control-regex
const COLOUR = /\u001b\[\d+m/g

t.test('what one sends the other sees, and every frame is a line of JSON', async (t) => {
  const { env } = await start(t)
  const follower = new Cli(['join', 'general', '--json', '--count', '3'], { env })
  await follower.says('"joined"')
  t.match(await cli(['send', 'general', 'Hello', '-n', 'ann'], { env }), { code: 0, stdout: /^#1 {2}\S+\n$/, stderr: '' })
  t.match(await cli(['send', 'general', '--json'], { env, stdin: '{"a":[1]}\n\r\n"two"' }), { code: 0, stdout: /^#2[^]*#3[^\n]*\n$/ })
  const { code, stdout, stderr } = await follower.ended
  t.strictSame([code, stderr], [0, ''])
  const frames = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as { type: string, content?: unknown, from?: string })
  t.strictSame(frames.filter(({ type }) => type === 'message').map(({ content }) => content), ['Hello', { a: [1] }, 'two'])
  t.match(frames.find(({ type }) => type === 'system'), { event: 'join', user: 'ann', room: 'general' })
})

t.test('a hostile message cannot command the terminal, as text or as JSON', async (t) => {
  const { env, ws } = await start(t)
  const eve = await connect(t, `${ws}?user=${encodeURIComponent('e\u202eve')}&join=general`)
  const evil = '\u001b[2J\u001b]52;c;cm0gLXJm\u0007\u009b31m\r\nann: I agree'
  await eve.ask({ type: 'message', room: 'general', content: evil })
  await eve.ask({ type: 'message', room: 'general', content: { [evil]: evil } })
  for (const args of [[], ['--json']]) {
    const { code, stdout } = await cli(['join', 'general', '--history', '2', '--count', '2', ...args], { env, columns: 70 })
    t.equal(code, 0)
    // But for the colours, which are ours.
    t.notMatch(stdout.replaceAll(COLOUR, ''), /(?!\n)[\p{Cc}\u202e]/u)
    t.match(stdout, args.length === 0 ? /\\u\{1b\}\[2J/ : /\\u001b\[2J/)
  }
  t.notMatch((await cli(['members', 'general'], { env })).stdout, /\u202e/)
})

t.test('it comes back after a cut, misses nothing, and says so', async (t) => {
  const { port, env, ws } = await start(t)
  const proxy = await TcpProxy.start(t, port)
  const follower = new Cli(['join', 'general', '--count', '2', '--url', `http://127.0.0.1:${proxy.port}`], { env })
  await follower.says('in general')
  const ann = await connect(t, `${ws}?user=ann&join=general`)
  await ann.ask({ type: 'message', room: 'general', content: 'before' })
  await follower.says('before')
  proxy.cut()
  await ann.ask({ type: 'message', room: 'general', content: 'meanwhile' })
  const { code, stdout, stderr } = await follower.ended
  t.equal(code, 0)
  t.match(stdout, /before[^]*meanwhile/)
  t.match(stderr, /not connected \(.*\); again in .* ms/)
})

t.test('since goes on where it was, and Ctrl-C tells where that is', async (t) => {
  const { env } = await start(t)
  await cli(['send', 'general'], { env, stdin: 'one\ntwo\n' })
  const first = new Cli(['join', 'general', '--history', '1'], { env })
  await first.says('two')
  first.interrupt()
  const { code, stderr } = await first.ended
  t.equal(code, 130)
  const since = /to go on: --since (\S+)/.exec(stderr)![1]!
  await cli(['send', 'general', 'three'], { env })
  const { stdout } = await cli(['join', 'general', '--since', since, '--count', '1', '--json'], { env })
  t.match(stdout, /"recovered":true,"replay":1[^]*"content":"three"/)
  t.match(await cli(['join', 'general', '--since', 'nonsense'], { env }), { code: 1, stderr: /bad_cursor: since: not a cursor/ })
})

t.test('move, broadcast and members', async (t) => {
  const { env, ws } = await start(t)
  t.match(await cli(['move', '-50'], { env }), { code: 0, stdout: '-50\n' })
  t.match(await cli(['move', '80', '--json'], { env }), { code: 0, stdout: '{"position":30}\n' })
  const ann = await connect(t, `${ws}?user=ann&join=general`)
  t.match(await cli(['broadcast', '--json', '[1]', '-n', 'ops'], { env }), { code: 0, stdout: /^#1 / })
  t.match(await ann.next('broadcast'), { from: 'ops', content: [1] })
  t.match(await cli(['members', 'general'], { env }), { stdout: /^user +connections +info\nann +1\n$/ })
  t.match(await cli(['members', 'general', '--json'], { env }), { stdout: '{"room":"general","count":1,"members":[{"user":"ann","connections":1}]}\n' })
})

t.test('how it ends is in the exit code', async (t) => {
  const { env, port } = await start(t, { AUTH_SECRET: SECRET })
  const token = await tokenOf('ann', { rooms: { general: ['join'] } })
  const expired = await tokenOf('ann', {}, -60)
  const as = (TIDEGATE_TOKEN: string): Record<string, string> => ({ ...env, TIDEGATE_TOKEN })
  const cases: Array<[string[], Record<string, string>, number, RegExp]> = [
    [['members', 'general'], as(token), 0, /^$/],
    [['members', 'general'], env, 4, /token: missing\n→ Give a token: --token, or TIDEGATE_TOKEN/],
    [['join', 'general'], as(expired), 4, /token: it has expired\n→ Get a new one/],
    [['join', 'secret'], as(token), 4, /forbidden/],
    [['send', 'general', 'x'], as(token), 4, /forbidden/],
    [['broadcast', 'x'], as(token), 4, /forbidden/],
    [['move', '1'], as(token), 4, /forbidden/],
    [['bench', '--seconds', '1'], env, 4, /token/],
    [['members', 'general', '--url', 'http://127.0.0.1:1'], as(token), 3, /nothing listens there \(ECONNREFUSED\)\n→ tidegate doctor/],
    [['join', 'general', '--url', 'http://127.0.0.1:1'], env, 3, /ECONNREFUSED/],
    [['bench', '--url', 'http://127.0.0.1:1'], env, 3, /ECONNREFUSED/],
    [['members', 'general', '--url', `http://127.0.0.1:${port}/elsewhere`], as(token), 3, /there is nothing at this address \(404\)/]
  ]
  for (const [args, environment, code, message] of cases) {
    const ran = await cli(args, { env: environment })
    t.equal(ran.code, code, `${args.join(' ')}: ${ran.stderr}`)
    t.match(ran.stderr, message)
    for (const secret of [token, expired]) t.notOk((ran.stdout + ran.stderr).includes(secret.slice(-20)), 'no token is printed')
  }
})

t.test('lines of stdin are stored in order, and the first that is refused is named', async (t) => {
  const { env, ws } = await start(t, { MAX_MESSAGE_BYTES: '1000' })
  const stdin = new PassThrough()
  const sending = new Cli(['send', 'general', '--quiet'], { env, stdin })
  for (const line of ['one\n', 'tw', 'o\nthr', 'ee\n']) stdin.write(line)
  stdin.end(`${'x'.repeat(2_000)}\nfive\n`)
  const { code, stdout, stderr } = await sending.ended
  t.strictSame([code, stdout], [1, ''])
  t.match(stderr, /line 4: .*more than 1000 bytes/)
  const ann = await connect(t, `${ws}?user=ann`)
  const { messages } = await ann.ask({ type: 'history', room: 'general' }) as unknown as { messages: Array<{ content: string }> }
  t.strictSame(messages.map(({ content }) => content), ['one', 'two', 'three'])
})

t.test('where nobody ever answers: --timeout holds, and Ctrl-C ends it at once', async (t) => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const env = { TIDEGATE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  const startMs = performance.now()
  t.match(await cli(['send', 'general', 'hi', '--timeout', '1'], { env }), { code: 3, stderr: /no answer within 1000 ms/ })
  t.ok(performance.now() - startMs < 5_000, 'a try, and a look at why')

  const tried = sockets.size
  const join = new Cli(['join', 'general'], { env })
  await once(server, 'connection')
  join.interrupt()
  t.match(await join.ended, { code: 130, stdout: '', stderr: '' })
  t.equal(sockets.size, tried + 1, 'nobody asks why')
})

t.test('as a process: pipes that close, signals, serve', async (t) => {
  const { env, ws } = await start(t)
  const ann = await connect(t, `${ws}?user=ann&join=general`)
  const pipe = `"${process.execPath}" "${CLI}" join general --json | head -1; echo "\${PIPESTATUS[0]}"`
  const piped = spawn('bash', ['-c', pipe], {
    env: { ...env, PATH: process.env['PATH'] }, stdio: ['ignore', 'pipe', 'pipe']
  })
  let out = ''
  let err = ''
  piped.stdout.on('data', (chunk: Buffer) => { out += String(chunk) })
  piped.stderr.on('data', (chunk: Buffer) => { err += String(chunk) })
  const ended = once(piped, 'close')
  await ann.until('it is in the room', () => ann.presence.length > 0)
  // head has gone by the second line at the latest: the next write finds out.
  const chatting = setInterval(() => ann.send({ type: 'message', room: 'general', content: 'x' }), 100)
  await ended
  clearInterval(chatting)
  t.strictSame([out.split('\n')[1], err], ['141', ''])

  const child = spawn(process.execPath, [CLI, 'join', 'general'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => { child.kill('SIGKILL') })
  await once(child.stderr, 'data')
  child.kill('SIGINT')
  t.strictSame(await once(child, 'exit'), [130, null])

  t.match(await spawnCli(['send', 'general', 'x'], env), { code: 0, stdout: /^#\d+ / })
  const served = spawn(process.execPath, [CLI, 'serve', '--port', '0', '--host', '127.0.0.1'], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => { served.kill('SIGKILL') })
  const [, http] = await new Promise<RegExpExecArray>((resolve) => {
    let log = ''
    served.stdout.on('data', (chunk: Buffer) => {
      log += String(chunk)
      const told = /pages: chat (\S+)\/chat/.exec(log)
      if (told !== null) resolve(told)
    })
  })
  t.equal((await fetch(`${http}/readyz`)).status, 200)
  served.kill('SIGTERM')
  t.strictSame(await once(served, 'exit'), [0, null])
})

t.test('bench counts what arrives, shows what is refused, and ends early on Ctrl-C', async (t) => {
  const { env } = await start(t, { MAX_CONNECTIONS_PER_ADDRESS: '20' })
  const args = ['bench', '-c', '12', '-r', '3', '-p', '6', '--rate', '5', '-s', '1', '--json']
  const well = await cli(args, { env })
  t.equal(well.code, 0, well.stderr + well.stdout)
  const counts = { connections: 12, published: 30, delivered: 120, lost: 0, repeated: 0, cut: 0, refusals: {} }
  t.match(JSON.parse(well.stdout), counts)

  const tooMany = await cli(['bench', '-c', '30', '-r', '1', '-p', '1', '-s', '1'], { env })
  t.equal(tooMany.code, 1)
  t.match(tooMany.stdout, /connections +20 of 30\n[^]*10 times: 429 too many connections from this address/)

  const fast = await cli(['bench', '-c', '2', '-r', '1', '-p', '1', '--rate', '200', '-s', '1', '--json'], { env })
  t.equal(fast.code, 1)
  const { refused, published, delivered, lost } = JSON.parse(fast.stdout) as Record<string, number>
  t.ok(refused! > 50, `${refused} of ${published} refused for their rate`)
  t.strictSame([lost, delivered], [0, 2 * (published! - refused!)], 'what is refused is not lost')

  const long = new Cli(['bench', '-c', '2', '-r', '1', '-p', '1', '-s', '300'], { env, columns: 80 })
  await long.says('publishing')
  long.interrupt()
  t.match(await long.ended, { code: 130, stdout: /delivered/ })
})
