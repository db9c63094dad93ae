import t from 'tap'
import { isIdentified } from '../../../src/auth/auth.ts'
import { TokenAuthenticator } from '../../../src/auth/tokens.ts'
import { cli } from '../../helpers/cli.ts'
import { SECRET } from '../../helpers/tokens.ts'

t.test('what the command makes, the gateway takes', async (t) => {
  const rooms = '{"chat:*":["join","publish"]}'
  const env = { AUTH_SECRET: SECRET, AUTH_ISSUER: 'us', AUTH_AUDIENCE: 'gateway' }
  const info = '{"name":"Ann Lee"}'
  const args = ['--user', 'ann', '--rooms', rooms, '--can', 'move, admin', '--info', info, '--lifetime', '60']
  const { code, stdout, stderr } = await cli(['token', ...args], { env })
  t.strictSame([code, stderr], [0, ''])
  const auth = new TokenAuthenticator({ secret: SECRET, jwksUrl: undefined, issuer: 'us', audience: 'gateway' })
  const who = await auth.verify(stdout.trimEnd())
  if (!isIdentified(who)) throw new Error(who.message)
  t.equal(who.user, 'ann')
  t.equal(who.info, info)
  t.strictSame(['move', 'admin', 'broadcast'].map((ability) => who.grants.can(ability as 'move')), [true, true, false])
  t.strictSame(['chat:1', 'lobby'].map((room) => who.grants.in(room, 'publish')), [true, false])
  const leftMs = who.expiresMs! - Date.now()
  t.ok(leftMs > 55_000 && leftMs <= 60_000, `${leftMs} ms`)
})

t.test('what is wrong is named', async (t) => {
  const faults: Array<[string[], RegExp]> = [
    [[], /'-n, --user <name>' not specified/],
    [['--user', ''], /--user: must be 1 to 128 characters/],
    [['--user', 'ann', '--rooms', 'chat'], /--rooms: must be JSON/],
    [['--user', 'ann', '--rooms', '["chat"]'], /--rooms: must be an object/],
    [['--user', 'ann', '--rooms', '{"a b":["join"]}'], /--rooms: a pattern is the name of a room/],
    [['--user', 'ann', '--rooms', '{"a":["read"]}'], /--rooms: must allow join or publish, not "read"/],
    [['--user', 'ann', '--can', 'fly'], /--can: must be of broadcast,move,admin, not "fly"/],
    [['--user', 'ann', '--info', '{name}'], /--info: must be JSON, such as '{"name":"Ann Lee"}'\n$/],
    [['--user', 'ann', '--info', `"${'x'.repeat(1_023)}"`], /--info: must be at most 1024 characters as JSON/],
    [['--user', 'ann', '--lifetime', '0'], /'--lifetime <s>' argument '0' is invalid/],
    [['ann'], /--user/]
  ]
  for (const [args, message] of faults) {
    const { code, stdout, stderr } = await cli(['token', ...args], { env: { AUTH_SECRET: SECRET } })
    t.strictSame([code, stdout], [2, ''], args.join(' '))
    t.match(stderr, message)
  }
  const short = await cli(['token', '--user', 'ann'], { env: { AUTH_SECRET: 'short' } })
  t.match(short, { code: 2, stderr: /AUTH_SECRET: must be set/ })
})
