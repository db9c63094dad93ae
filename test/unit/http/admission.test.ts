import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { Admission, refuseUser } from '../../../src/http/admission.ts'

const LIMITS = {
  allowedOrigins: [],
  maxConnections: 3,
  maxConnectionsPerAddress: 2,
  connectionsPerSecond: 5,
  maxLoopDelayMs: 200
}
const IDLE = { meanMs: 0 }

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
  const admission = new Admission(LIMITS, () => 'draining', IDLE, () => 0)
  t.match(admission.admit(from('::1', 'https://evil.com'), 0), { reason: 'forbidden' })
  t.end()
})

t.test('while nobody can be let in, everyone is told why', (t) => {
  let why: string | undefined = 'draining'
  const admission = new Admission(LIMITS, () => why, IDLE, () => 0)
  t.match(admission.admit(from('::1', 'http://gw'), 0), { reason: 'unavailable', message: 'draining' })
  why = undefined
  t.type(admission.admit(from('::1', 'http://gw'), 0), 'function')
  t.end()
})

t.test('an address may have so many connections, and another one when one has ended', (t) => {
  const admission = new Admission(LIMITS, () => undefined, IDLE, () => 0)
  const leave = admission.admit(from('10.0.0.1'), 0) as () => void
  admission.admit(from('10.0.0.1'), 0)
  t.match(admission.admit(from('10.0.0.1'), 0), { reason: 'rate_limited' })
  t.type(admission.admit(from('10.0.0.2'), 0), 'function')
  leave()
  leave()
  t.type(admission.admit(from('10.0.0.1'), 0), 'function', 'who leaves makes place')
  t.match(admission.admit(from('10.0.0.1'), 0), { message: 'this replica is full' }, 'for one, however often it says so')
  t.end()
})

t.test('a network of IPv6 counts as one address, and an address of IPv4 is one in whatever form', (t) => {
  const admission = new Admission({ ...LIMITS, maxConnections: 100 }, () => undefined, IDLE, () => 0)
  for (const address of ['2001:db8::1', '2001:db8::ffff:1']) t.type(admission.admit(from(address), 0), 'function')
  t.match(admission.admit(from('2001:db8:0:0:1:2:3:4'), 0), { reason: 'rate_limited' })
  t.type(admission.admit(from('2001:db8:0:1::1'), 0), 'function')
  for (const address of ['10.0.0.1', '::ffff:10.0.0.1']) t.type(admission.admit(from(address), 0), 'function')
  t.match(admission.admit(from('10.0.0.1'), 0), { reason: 'rate_limited' })
  t.end()
})

t.test('a replica may have so many connections, whoever they are from', (t) => {
  const problems: string[] = []
  const admission = new Admission(LIMITS, () => undefined, IDLE, () => 0, (problem) => { problems.push(problem) })
  const leave = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((address) => admission.admit(from(address), 0) as () => void)
  t.match(admission.admit(from('10.0.0.4'), 0), { reason: 'unavailable', message: 'this replica is full' })
  t.strictSame(problems, ['this replica is full'])
  leave[0]!()
  t.type(admission.admit(from('10.0.0.4'), 0), 'function')
  t.end()
})

t.test('a replica whose loop is late lets nobody in until it is not', (t) => {
  const delay = { meanMs: 201 }
  const admission = new Admission(LIMITS, () => undefined, delay, () => 0)
  t.match(admission.admit(from('10.0.0.4'), 0), { reason: 'unavailable', retryAfterMs: 2_000 })
  delay.meanMs = 200
  t.type(admission.admit(from('10.0.0.4'), 0), 'function')
  t.end()
})

t.test('a rush of new connections is told when to come again', (t) => {
  let nowMs = 0
  const admission = new Admission({ ...LIMITS, maxConnections: 100 }, () => undefined, IDLE, () => nowMs)
  for (let n = 0; n < 10; n++) t.type(admission.admit(from(`10.0.0.${n}`), 0), 'function')
  t.match(admission.admit(from('10.0.1.1'), 0), { reason: 'unavailable', retryAfterMs: 200 })
  nowMs = 200
  t.type(admission.admit(from('10.0.1.1'), 0), 'function')
  t.end()
})

t.test('one address that comes and goes cannot use up what all may have', (t) => {
  const admission = new Admission({ ...LIMITS, connectionsPerSecond: 1_000 }, () => undefined, IDLE, () => 0)
  const outcomes = Array.from({ length: 300 }, () => {
    const leave = admission.admit(from('10.0.0.1'), 0)
    if (typeof leave !== 'function') return leave.reason
    leave()
    return 'in'
  })
  t.equal(outcomes.filter((outcome) => outcome === 'in').length, 200, 'a burst of twice the rate')
  t.equal(outcomes.at(-1), 'rate_limited')
  t.type(admission.admit(from('10.0.0.2'), 0), 'function')
  t.end()
})

t.test('who joins many rooms with each connection is let in less often; who joins a few is not', (t) => {
  const letIn = (rooms: number): number => {
    const admission = new Admission({ ...LIMITS, connectionsPerSecond: 1_000 }, () => undefined, IDLE, () => 0)
    let count = 0
    for (let leave = admission.admit(from('10.0.0.1'), rooms); typeof leave === 'function'; count++) {
      leave()
      leave = admission.admit(from('10.0.0.1'), rooms)
    }
    return count
  }
  t.equal(letIn(9), 200)
  t.equal(letIn(120), 16, 'each counts as 13')
  t.end()
})
