import t from 'tap'
import { BrokerError, CLOSES, ERRORS, type Reason, refusal } from '../../../src/protocol/codes.ts'

const reasons = Object.keys(ERRORS) as Reason[]

t.test('each error has an HTTP status of the client\'s or the gateway\'s fault', (t) => {
  for (const reason of reasons) {
    const { code } = ERRORS[reason]
    t.ok(Number.isInteger(code) && code >= 400 && code <= 599, `${reason}: ${code}`)
  }
  t.end()
})

t.test('each error has words, and each reason is a slug', (t) => {
  for (const reason of reasons) {
    t.match(reason, /^[a-z]+(_[a-z]+)*$/)
    t.match(ERRORS[reason].message, /^\S.*\S$/)
  }
  t.end()
})

t.test('only what time can mend is retryable', (t) => {
  t.strictSame(reasons.filter((reason) => ERRORS[reason].retryable), ['rate_limited', 'unavailable', 'unknown_outcome'])
  t.end()
})

t.test('each close has a code of its own, of RFC 6455 or 4000 + an HTTP status', (t) => {
  const codes = Object.values(CLOSES).map(({ code }) => code)
  t.equal(new Set(codes).size, codes.length)
  for (const code of codes) t.ok((code >= 1000 && code <= 1011) || (code >= 4400 && code <= 4599), String(code))
  t.end()
})

t.test('only who breaks the protocol is told to stay away', (t) => {
  const closes = Object.values(CLOSES).filter(({ reconnect }) => !reconnect)
  t.strictSame(closes.map(({ code }) => code), [1003, 4400, 4403])
  t.end()
})

t.test('a close\'s reason fits into a control frame', (t) => {
  for (const { reason } of Object.values(CLOSES)) t.ok(reason.length > 0 && Buffer.byteLength(reason) <= 123, reason)
  t.end()
})

t.test('a refusal says the table\'s words where it has none of its own', (t) => {
  t.strictSame(refusal('not_joined'), { reason: 'not_joined', message: 'join the room first', retryAfterMs: undefined })
  t.strictSame(refusal('rate_limited', 'slower', 5), { reason: 'rate_limited', message: 'slower', retryAfterMs: 5 })
  t.end()
})

t.test('a broker\'s error keeps its cause and says whether anything was done', (t) => {
  const cause = new Error('ECONNRESET')
  t.match(new BrokerError('unknown_outcome', { cause }), {
    name: 'BrokerError', reason: 'unknown_outcome', message: ERRORS.unknown_outcome.message, cause
  })
  t.end()
})
