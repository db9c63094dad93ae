import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { type Access, OPEN_ACCESS } from '../../../src/auth/auth.ts'
import { Grants } from '../../../src/auth/grants.ts'
import { TokenAuthenticator } from '../../../src/auth/tokens.ts'
import { Credentials } from '../../../src/session/credentials.ts'
import { NOON, turn } from '../fakes.ts'
import { SECRET, tokenOf } from '../../helpers/tokens.ts'

const A_DAY_MS = 86_400_000

function until (endsMs: number): Access {
  return { grants: Grants.open, endsMs, expiresMs: endsMs - 5_000 }
}

/** Credentials, and time that passes by hand. */
function start (t: Test, access: Access): { credentials: Credentials, ends: number[] } {
  const ends: number[] = []
  const credentials = new Credentials(access, { onTokenEnded: () => { ends.push(Date.now() - NOON) } })
  t.teardown(() => credentials.stop())
  return { credentials, ends }
}

t.beforeEach((t) => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: NOON })
  t.teardown(() => mock.timers.reset())
})

t.test('a token ends at its time, once, and not a millisecond before', (t) => {
  const { credentials, ends } = start(t, until(NOON + 10_000))
  t.equal(credentials.expires, '2026-01-01T12:00:05.000Z')
  mock.timers.tick(9_999)
  t.strictSame(ends, [])
  mock.timers.tick(1)
  t.strictSame(ends, [10_000])
  mock.timers.tick(A_DAY_MS)
  t.strictSame(ends, [10_000])
  t.end()
})

t.test('a verified token is good for 5 s more than it says', async (t) => {
  const auth = new TokenAuthenticator({ secret: SECRET, jwksUrl: undefined, issuer: undefined, audience: undefined })
  const { endsMs, expiresMs } = await auth.verify(await tokenOf('ann', {}, 60)) as unknown as Access
  t.equal(expiresMs, NOON + 60_000)
  t.equal(endsMs, NOON + 65_000)
  await turn()
})

t.test('a token that is renewed in time does not end', (t) => {
  const { credentials, ends } = start(t, until(NOON + 10_000))
  mock.timers.tick(9_999)
  credentials.renew(until(NOON + 20_000))
  mock.timers.tick(10_000)
  t.strictSame(ends, [])
  t.equal(credentials.expires, '2026-01-01T12:00:15.000Z')
  mock.timers.tick(1)
  t.strictSame(ends, [20_000])
  t.end()
})

t.test('a fresh token may end earlier than the old one', (t) => {
  const { credentials, ends } = start(t, until(NOON + A_DAY_MS))
  credentials.renew(until(NOON + 1_000))
  mock.timers.tick(1_000)
  t.strictSame(ends, [1_000])
  t.end()
})

t.test('a token with more days than a timer can count ends at its time', (t) => {
  const { ends } = start(t, until(NOON + 60 * A_DAY_MS))
  for (let day = 0; day < 59; day++) mock.timers.tick(A_DAY_MS)
  t.strictSame(ends, [])
  mock.timers.tick(A_DAY_MS)
  t.strictSame(ends, [60 * A_DAY_MS])
  t.end()
})

t.test('one that has ended already ends in the next turn, not within the call', (t) => {
  const { ends } = start(t, until(NOON - 1))
  t.strictSame(ends, [])
  mock.timers.tick(0)
  t.strictSame(ends, [0])
  t.end()
})

t.test('nothing ends where there is no token, or after the connection', (t) => {
  const open = start(t, OPEN_ACCESS)
  t.equal(open.credentials.expires, undefined)
  const closed = start(t, until(NOON + 1_000))
  closed.credentials.stop()
  mock.timers.tick(60 * A_DAY_MS)
  t.strictSame([...open.ends, ...closed.ends], [])
  t.end()
})

t.test('what is allowed is what the newest token allows', (t) => {
  const { credentials } = start(t, until(NOON + 1_000))
  t.ok(credentials.grants.in('general', 'join'))
  credentials.renew({ ...until(NOON + 2_000), grants: Grants.of({ rooms: { other: ['join'] } }) })
  t.notOk(credentials.grants.in('general', 'join'))
  t.ok(credentials.grants.in('other', 'join'))
  t.end()
})
