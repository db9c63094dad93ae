import t from 'tap'
import { headersOf, messageOf } from '../../../src/webhooks/message.ts'

function event (number: number): Parameters<typeof messageOf>[0][number] {
  return { number, id: `e-${number}`, timestampMs: 1_700_000_000_000 + number, body: `"type":"t","room":"r${number}"` }
}

t.test('a message holds its events as JSON, each with its id and its time', async (t) => {
  t.strictSame(JSON.parse(messageOf([event(1), event(2)]).body), {
    events: [
      { id: 'e-1', type: 't', room: 'r1', timestamp: '2023-11-14T22:13:20.001Z' },
      { id: 'e-2', type: 't', room: 'r2', timestamp: '2023-11-14T22:13:20.002Z' }
    ]
  })
})

t.test('the same events have the same id, and others another one', async (t) => {
  const batches = [[1], [2], [1, 2], [1, 2, 3], [2, 3]]
  const ids = batches.map((numbers) => messageOf(numbers.map(event)).id)
  t.equal(new Set(ids).size, batches.length)
  t.strictSame(batches.map((numbers) => messageOf(numbers.map(event)).id), ids)
  for (const id of ids) t.notMatch(id, /\./, 'a dot would make what is signed ambiguous')
})

// The example of https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
t.test('it is signed as the specification has it', async (t) => {
  const secret = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64')
  t.strictSame(headersOf({ id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', body: '{"test": 2432232314}' }, [secret], 1_614_265_330_000), {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
  })
})
