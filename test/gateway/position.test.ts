import t from 'tap'
import { connect } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'

function post (http: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${http}/position`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })
}

t.test('the car is read, moved over HTTP and over a socket, and followed in its room', async (t) => {
  const { ws, http } = await startGateway(t)
  t.strictSame(await (await fetch(`${http}/position`)).json(), { position: 0 })
  const widget = await connect(t, `${ws}?join=position`)
  t.match(await widget.next('joined'), { room: 'position', seq: 0, replay: 1 })
  const first = await widget.next('position')
  t.strictSame(Object.keys(first), ['type', 'room', 'seq', 'cursor', 'position', 'timestamp'])
  t.match(first, { seq: 0, position: 0 })
  const answer = await post(http, '{"delta":50}')
  t.equal(answer.status, 200)
  t.strictSame(await answer.json(), { position: 50 })
  t.match(await widget.next('position'), { seq: 1, position: 50 })
  const driver = await connect(t, ws)
  t.match(await driver.ask({ type: 'move', delta: -75 }), { type: 'ack', room: 'position', seq: 2, position: -25 })
  t.match(await widget.next('position'), { seq: 2, position: -25 })
  const late = await connect(t, `${ws}?join=position`)
  t.match(await late.next('position'), { seq: 2, position: -25 })
})

t.test('bad bodies are told what is wrong, with the field', async (t) => {
  const { http } = await startGateway(t)
  const cases: ReadonlyArray<readonly [body: string, reason: string, message: RegExp, status?: number]> = [
    ['{', 'bad_json', /JSON/],
    ['', 'bad_message', /^body: /],
    ['[]', 'bad_message', /^body: /],
    ['null', 'bad_message', /^body: /],
    ['{}', 'bad_message', /^delta: /],
    ['{"delta":null}', 'bad_message', /^delta: /],
    ['{"delta":"50"}', 'bad_message', /^delta: /],
    ['{"delta":0.5}', 'bad_message', /^delta: /],
    ['{"delta":9007199254740992}', 'bad_message', /^delta: /],
    ['{"delta":-1e400}', 'bad_message', /^delta: /],
    ['{"delta":true}', 'bad_message', /^delta: /],
    [`{"delta":1,"x":"${'x'.repeat(70_000)}"}`, 'too_large', /large/, 413]
  ]
  for (const [body, reason, message, status = 400] of cases) {
    const answer = await post(http, body)
    t.equal(answer.status, status, body.slice(0, 40))
    t.match(await answer.json(), { code: status, reason, message }, body.slice(0, 40))
  }
  for (const type of ['application/x-www-form-urlencoded', 'text/plain']) {
    const answer = await post(http, '{"delta":50}', { 'content-type': type })
    t.equal(answer.status, 400)
    t.match(await answer.json(), { reason: 'bad_message', message: /^content-type: / }, type)
  }
  t.strictSame(await (await fetch(`${http}/position`)).json(), { position: 0 })
})

t.test('the car stays within its bounds', async (t) => {
  const { ws, http } = await startGateway(t, { POSITION_MIN: '-10', POSITION_MAX: '100' })
  const answer = await post(http, '{"delta":101}')
  t.equal(answer.status, 409)
  t.match(await answer.json(), { code: 409, reason: 'out_of_range' })
  const driver = await connect(t, ws)
  t.match(await driver.ask({ type: 'move', delta: -11 }), { type: 'error', code: 409, reason: 'out_of_range' })
  t.match(await driver.ask({ type: 'move', delta: 100 }), { position: 100 })
})

t.test('an Idempotency-Key makes a retry safe', async (t) => {
  const { http } = await startGateway(t)
  for (let n = 0; n < 3; n++) {
    t.strictSame(await (await post(http, '{"delta":50}', { 'idempotency-key': 'k' })).json(), { position: 50 })
  }
  const other = await post(http, '{"delta":51}', { 'idempotency-key': 'k' })
  t.equal(other.status, 409)
  t.match(await other.json(), { reason: 'key_reused' })
  const long = await post(http, '{"delta":51}', { 'idempotency-key': 'x'.repeat(65) })
  t.match(await long.json(), { reason: 'bad_message', message: /^idempotency-key: / })
})
