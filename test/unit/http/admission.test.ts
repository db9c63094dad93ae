import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { Admission, refuseUser } from '../../../src/http/admission.ts'

const LIMITS = { allowedOrigins: [], maxConnections: 3, maxConnectionsPerAddress: 2, connectionsPerSecond: 5 }

/** As much of a request as is asked for. */
function from (ip: string, origin?: string): FastifyRequest {
  return { ip, host: 'gw', headers: { origin } } as FastifyRequest
}

t.test('a user\'s name has 1 to 64 characters', (t) => {
  const refused = {
    reason: 'bad_message',
    message: 'user: must be 1 to 64 characters, none of them a control character',
    retryAfterMs: undefined
  }
  for (const user of ['a', 'x'.repeat(64), 'Ann Lee', '海', '🌊'.repeat(32), '"', '<b>']) t.equal(refuseUser(user), undefined, user)
  for (const user of ['', 'x'.repeat(65)]) t.strictSame(refuseUser(user), refused, user)
  t.end()
})

t.test('a user\'s name has no control characters, and no half of a pair', (t) => {
  for (const user of ['a\nb', '\t', 'a\0', '\u007f', '\u0085', 'a\ud800', '\udc00']) {
    t.match(refuseUser(user), { reason: 'bad_message', message: /^user: / }, JSON.stringify(user))
  }
  t.end()
})

t.test('who gives no name is given one, and not refused', (t) => {
  t.equal(refuseUser(undefined), undefined)
  t.end()
})

t.test('a page of another origin is refused, whatever else holds', (t) => {
  const admission = new Admission(LIMITS, () => 'draining', () => 0)
  t.match(admission.refuse(from('::1', 'https://evil.com')), { reason: 'forbidden' })
  t.end()
})

t.test('while nobody can be let in, everyone is told why', (t) => {
  let why: string | undefined = 'draining'
  const admission = new Admission(LIMITS, () => why, () => 0)
  t.match(admission.refuse(from('::1', 'http://gw')), { reason: 'unavailable', message: 'draining' })
  why = undefined
  t.equal(admission.refuse(from('::1', 'http://gw')), undefined)
  t.end()
})

t.test('an address may have so many connections, and another one when one has ended', (t) => {
  const admission = new Admission(LIMITS, () => undefined, () => 0)
  const leave = admission.enter('10.0.0.1')
  admission.enter('10.0.0.1')
  t.match(admission.refuse(from('10.0.0.1')), { reason: 'rate_limited' })
  t.equal(admission.refuse(from('10.0.0.2')), undefined)
  leave()
  t.equal(admission.refuse(from('10.0.0.1')), undefined)
  admission.enter('10.0.0.1')
  t.match(admission.refuse(from('10.0.0.1')), { reason: 'rate_limited' })
  t.end()
})

t.test('a replica may have so many connections, whoever they are from', (t) => {
  const admission = new Admission(LIMITS, () => undefined, () => 0)
  const leave = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((address) => admission.enter(address))
  t.match(admission.refuse(from('10.0.0.4')), { reason: 'unavailable', message: 'this replica is full' })
  leave[0]!()
  t.equal(admission.refuse(from('10.0.0.4')), undefined)
  t.end()
})

t.test('a rush of new connections is told when to come again', (t) => {
  let nowMs = 0
  const admission = new Admission(LIMITS, () => undefined, () => nowMs)
  for (let n = 0; n < 10; n++) t.equal(admission.refuse(from(`10.0.0.${n}`)), undefined)
  t.match(admission.refuse(from('10.0.1.1')), { reason: 'unavailable', retryAfterMs: 200 })
  nowMs = 200
  t.equal(admission.refuse(from('10.0.1.1')), undefined)
  t.end()
})
