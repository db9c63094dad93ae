import t from 'tap'
import { SERVE_FLAGS } from '../../../src/cli/serve.ts'
import { cli } from '../../helpers/cli.ts'
import { SECRET } from '../../helpers/tokens.ts'

const COMMANDS = ['serve', 'join', 'send', 'broadcast', 'move', 'members', 'token', 'doctor', 'bench', 'completion']

t.test('what is wrong with a command line is said by its name, on stderr, with exit code 2', async (t) => {
  const faults: Array<[string, RegExp]> = [
    ['', /Usage: tidegate/],
    ['nope', /unknown command 'nope'/],
    ['jion general', /unknown command 'jion'\n\(Did you mean join\?\)/],
    ['join', /missing required argument 'room'/],
    ['join general --jsn', /unknown option '--jsn'\n\(Did you mean --json\?\)/],
    ['join general extra', /too many arguments/],
    ['join $all', /argument 'room'.*it takes 1 to 128/],
    ['join general --history many', /--history <n>' argument 'many' is invalid. It must be an integer of 0 to 200/],
    ['join general --history', /--history <n>' argument missing/],
    ['join general --count 0', /--count/],
    ['send general x --timeout 0', /--timeout <s>/],
    ['send general x --json', /text: must be JSON, because of --json/],
    ['send general --key k', /--key: only with a text/],
    ['send general x --key', /--key <key>' argument missing/],
    ['move fast', /argument 'delta'. It must be an integer/],
    ['move 99999999999999999999', /argument 'delta'/],
    ['members general --url localhost:8080', /--url: must be http:\/\/host:port or https:\/\/host, not "localhost:8080"/],
    ['members general --url http://a:pw@h', /--url: must not hold a user or password/],
    ['members general --url http://h/?token=pw', /--url: must have neither \? nor #/],
    ['members general --token p$w', /--token: is no token/],
    ['bench --connections 0', /--connections <n>' argument '0' is invalid/],
    ['bench --connections 6000', /an integer of 1 to 5000/],
    ['bench --rooms 9 --connections 5', /--rooms: must be at most --connections \(5\)/],
    ['bench --publishers 9 --rooms 1 --connections 5', /--publishers: must be at most/],
    ['bench --connections 5000 --rooms 1 --publishers 1000 --rate 1000', /--rate: .* deliveries a second are more/],
    ['bench http://a --url http://b', /--url: not together with the argument url/],
    ['bench ftp://a', /url: must be http/],
    ['doctor --redis localhost', /--redis: must be redis:\/\//],
    ['doctor --origin example.org', /--origin: must be http/],
    ['doctor --origin https://example.org/x', /--origin: must be an origin/],
    ['doctor --idle -1', /--idle <s>/],
    ['completion tcsh', /Allowed choices are bash, zsh, fish/],
    ['serve --port http', /--port: must be an integer of 0 to 65535, not "http"/],
    ['serve --workers 2', /--workers: 2 needs REDIS_URL/],
    ['serve --log-level loud', /--log-level: must be one of trace/],
    ['serve --rooms /nowhere.yaml', /--rooms: /]
  ]
  for (const [line, message] of faults) {
    const { code, stdout, stderr } = await cli(line.split(' ').filter((word) => word !== ''))
    t.strictSame([code, stdout], [2, ''], line)
    t.match(stderr, message)
    t.notMatch(stderr, /pw|at file:|defect/, 'no secret is repeated, and there is no stack')
  }
})

t.test('the environment is checked by its names, too', async (t) => {
  const url = await cli(['members', 'general'], { env: { TIDEGATE_URL: 'here' } })
  t.match(url, { code: 2, stderr: /TIDEGATE_URL: must be http/ })
  const token = await cli(['members', 'general'], { env: { TIDEGATE_TOKEN: 'a b' } })
  t.match(token, { code: 2, stderr: /TIDEGATE_TOKEN: is no token/ })
})

t.test('every command has a help that is worth reading', async (t) => {
  for (const name of COMMANDS) {
    const help = await cli([name, '--help'])
    t.match(help, { code: 0, stderr: '' }, name)
    t.match(help.stdout, new RegExp(`^Usage: tidegate ${name}[^]*Examples?:\n  \\$ .*tidegate`), name)
    t.equal((await cli(['help', name])).stdout, help.stdout)
  }
  const all = await cli(['--help'])
  t.match(all.stdout, /Exit codes:\n {2}0 +done/)
  for (const name of COMMANDS) t.match(all.stdout, new RegExp(`^  ${name} `, 'm'))
  t.match(await cli(['--version']), { code: 0, stdout: /^\d+\.\d+\.\d+\n$/ })
  t.ok((await cli(['--help'], { columns: 80 })).stdout.startsWith('\u001b[1mUsage'))
  t.notOk((await cli(['--help'], { columns: 80, env: { NO_COLOR: '1' } })).stdout.includes('\u001b'))
})

t.test('serve hands its flags over as settings, before the environment', async (t) => {
  const given: Array<Readonly<Record<string, string>>> = []
  const runGateway = async (settings: Readonly<Record<string, string>>): Promise<void> => { given.push(settings) }
  const args = ['--port', '9000', '--host', '::1', '--drain-ms', '5', '--trust-proxy', '10.0.0.0/8', '--redis-prefix', 'x:']
  t.match(await cli(['serve', ...args], { env: { PORT: '1', AUTH_SECRET: SECRET }, runGateway }), { code: 0, stdout: '', stderr: '' })
  t.strictSame(given, [{ PORT: '9000', HOST: '::1', DRAIN_MS: '5', TRUST_PROXY: '10.0.0.0/8', REDIS_PREFIX: 'x:' }])
  t.match(await cli(['serve', '--port', 'x'], { env: { LOG_ENTRIES: 'y' }, runGateway }), {
    code: 2, stderr: /--port: must be[^]*LOG_ENTRIES: must be/
  })
  t.equal(given.length, 1)
  const secret = Object.values(SERVE_FLAGS).find(([setting]) => /SECRET|PASS/.test(setting))
  t.equal(secret, undefined, 'no flag takes a secret')
})
