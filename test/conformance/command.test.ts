import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Child } from '../../cluster/child.ts'
import { startEchoServer } from '../helpers/echo-server.ts'
import { startGateway } from '../helpers/gateway.ts'
import { figuresOf } from '../helpers/metrics.ts'
import { forge, SECRET, tokenOf } from '../helpers/tokens.ts'

const MAIN = fileURLToPath(new URL('../../conformance/main.js', import.meta.url))

/** `npm run conformance -- …`. */
async function run (...args: string[]): Promise<{ code: number | null, said: string }> {
  const said: string[] = []
  const child = await Child.spawn(process.execPath, [MAIN, ...args], { onLine: (line) => { said.push(line) } })
  const { code } = await child.ended
  return { code, said: said.join('\n') }
}

t.test('it tells how many cases of each section passed', async (t) => {
  const { ws } = await startGateway(t)
  const { code, said } = await run(ws, '--only', '5', '--only', '1.1')
  t.equal(code, 0)
  t.match(said, /^ {2}1 +frames of all sizes +8$/m)
  t.match(said, /^ {2}5 +fragments +20$/m)
  t.match(said, /^ {6}all +28$/m)
})

t.test('what fails is told with what was expected and what came, and the exit code is 1', async (t) => {
  const port = await startEchoServer(t, { maxPayload: 65_536, skipUTF8Validation: true })
  const { code, said } = await run(`ws://127.0.0.1:${port}`, '--echo', '--only', '6.20.1', '--only', '2.1')
  t.equal(code, 1)
  t.match(said, /^ {2}6 +UTF-8 +0 +1$/m)
  t.match(said, /^NOT OK {2}6\.20\.1 .*\n +expected close 1007;\n +came a fault: a text that is not UTF-8/m)
})

t.test('where it is told to come later it comes later', async (t) => {
  // Bursts are of twice as many.
  const { ws, http } = await startGateway(t, { RATE_CONNECTIONS: '9' })
  const { code, said } = await run(ws, '--only', '5')
  t.match(said, /^ {6}all +20$/m)
  t.equal(code, 0)
  t.ok((await figuresOf(http)).get('upgrades_refused_total{reason="unavailable"}')! > 0, 'it was refused in between')
})

t.test('with a token it gets in, and the token is not told', async (t) => {
  const { ws } = await startGateway(t, { AUTH_SECRET: SECRET })
  const token = await tokenOf('ann')
  t.match(await run(ws, '--only', '2.1'), { code: 2, said: /answered with 401: token: missing \(a gateway with tokens: --token\)/ })
  t.match(await run(ws, '--only', '2.1', '--token', 'nope'), { code: 2, said: /answered with 401: token: refused \(see/ })
  const expired = forge({ alg: 'HS256' }, { sub: 'ann', exp: 1 })
  t.match(await run(`${ws}?token=${expired}`), { code: 2, said: /closed at once, with 4401 \(the token in the address is refused/ })
  t.match(await run(ws, '--only', '2.1', '--token', token), { code: 0, said: /all +1$/m })
  const inQuery = await run(`${ws}?token=${token}`, '--only', '2.1', '--verbose')
  t.match(inQuery, { code: 0, said: /^ok +2\.1 /m })
  t.notMatch(inQuery.said, token)
})

t.test('what is called wrongly, or cannot be tried, is said in one line', async (t) => {
  const port = await startEchoServer(t, {})
  const { ws } = await startGateway(t)
  const mute = await startEchoServer(t, {}, () => {}, (ws) => ws.send('Hello'))
  const wrong: ReadonlyArray<readonly [string[], RegExp]> = [
    [['http://localhost'], /^conformance: URL: must be ws:/],
    [['ws://localhost/', 'ws://localhost/'], /one URL is enough/],
    [['ws://ann@localhost/'], /neither a user nor a #/],
    [['--only', 'x'], /^conformance: --only: must be an id/],
    [['--token', 'a b'], /^conformance: --token: not a token/],
    [['--token'], /'--token <value>' argument missing/],
    [['--colour'], /Unknown option '--colour'/],
    [['ws://127.0.0.1:1/ws'], /can't be reached \(ECONNREFUSED\)/],
    [[`ws://127.0.0.1:${mute}/ws`], /no welcome came, so this is no gateway/],
    [[`${ws}?user=`], /answered with 400: user: must be 1 to 64 characters/],
    [[ws.replace('/ws', '/nowhere')], /answered with 404: /],
    [[ws, '--echo'], /a welcome came, so this is a gateway \(leave --echo out\)/],
    [[`ws://127.0.0.1:${mute}/`, '--echo'], /this is no echo server/],
    [[`ws://127.0.0.1:${port}/`, '--echo', '--only', '5.99'], /there is no case 5\.99 with --echo/]
  ]
  for (const [args, words] of wrong) {
    const { code, said } = await run(...args)
    t.equal(code, 2, args.join(' '))
    t.match(said, words)
    t.equal(said.split('\n').length, 1)
  }
  t.match(await run('--help'), { code: 0, said: /^Tries how a running server/ })
})
