import t from 'tap'
import { connect } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'

t.test('control frames and messages of every size go side by side, whole', async (t) => {
  const { ws } = await startGateway(t, { RATE_PUBLISHES: '0', RATE_REQUESTS: '0', PING_INTERVAL_MS: '200' })
  const [ann, bob] = await Promise.all([connect(t, `${ws}?join=red`), connect(t, `${ws}?join=red`)])
  await Promise.all([ann.next('joined'), bob.next('joined')])
  const heard = { pings: 0, pongs: 0 }
  bob.socket.on('ping', () => { heard.pings++ })
  bob.socket.on('pong', () => { heard.pongs++ })
  const sizes = [0, 1, 20, 40, 60, 125, 126, 1_000, 40_000, 65_300]
  let sent = 0
  for (; sent < 200 || heard.pings < 3; sent++) {
    bob.socket.ping('x'.repeat(sent % 125))
    await ann.ask({ type: 'message', room: 'red', content: 'x'.repeat(sizes[sent % sizes.length]!) })
  }
  await bob.until('all messages', () => bob.frames.length === sent)
  const received = bob.frames.map(({ content }) => (content as string).length)
  t.strictSame(received, Array.from({ length: sent }, (_, n) => sizes[n % sizes.length]))
  await bob.settle()
  t.equal(heard.pongs, sent)
})
