import t, { type Test } from 'tap'
import { type Client, connect, isLetIn } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { eventually } from '../../cluster/until.ts'

const FAST = { RATE_PUBLISHES: '0', RATE_REQUESTS: '0' }
// More than the kernel's own buffers take, so that the send queue fills.
const CONTENT = 'x'.repeat(60_000)
const COUNT = 250

/** Two members of a room, of which one has stopped reading. */
async function slowAndFast (t: Test, ws: string, room: string): Promise<{ slow: Client, fast: Client }> {
  const slow = await connect(t, `${ws}?join=${room}`)
  await slow.next('joined')
  slow.socket.pause()
  const fast = await connect(t, `${ws}?join=${room}`)
  await fast.next('joined')
  return { slow, fast }
}

t.test('a reader that stops falls behind, keeps its connection, and gets every message once it reads on', async (t) => {
  const { ws } = await startGateway(t, FAST)
  const { slow, fast } = await slowAndFast(t, ws, 'busy')
  for (let n = 1; n <= COUNT; n++) await fast.ask({ type: 'message', room: 'busy', content: CONTENT })
  await fast.until('all of them', () => fast.frames.filter(({ type }) => type === 'message').length === COUNT)
  slow.socket.resume()
  await slow.until('all of them', () => slow.frames.at(-1)?.seq === COUNT, 20_000)
  t.strictSame(slow.frames.map(({ seq }) => seq), Array.from({ length: COUNT }, (_, n) => n + 1))
})

t.test('a reader that falls behind the retention of its room gets one gap, and goes on behind it', async (t) => {
  const { ws } = await startGateway(t, { ...FAST, LOG_ENTRIES: '10' })
  const { slow, fast } = await slowAndFast(t, ws, 'busy')
  // More than the ring of the room holds, so the log is asked, and the log holds ten.
  for (let n = 1; n <= COUNT + 250; n++) {
    const content = n <= COUNT ? CONTENT : 'small'
    await fast.ask({ type: 'message', room: 'busy', content, echo: false })
  }
  slow.socket.resume()
  const gap = await slow.take(({ type }) => type === 'gap', 'a gap')
  t.match(gap, { room: 'busy', reason: 'trimmed', seq: COUNT + 250 })
  await fast.ask({ type: 'message', room: 'busy', content: 'after' })
  await slow.until('the next message', () => slow.frames.at(-1)?.content === 'after')
  const seqs = slow.frames.map(({ seq }) => seq!)
  t.strictSame(seqs.slice(0, -1), Array.from({ length: seqs.length - 1 }, (_, n) => n + 1))
  t.equal(seqs.at(-1), COUNT + 251)
})

t.test('a slow reader of a latest room ends on the newest value', async (t) => {
  const { ws } = await startGateway(t, FAST)
  const { slow, fast } = await slowAndFast(t, ws, 'latest:big')
  for (let n = 1; n <= COUNT; n++) await fast.ask({ type: 'message', room: 'latest:big', content: CONTENT })
  slow.socket.resume()
  await slow.until('the newest', () => slow.frames.at(-1)?.seq === COUNT, 20_000)
  t.ok(slow.frames.length < COUNT, 'not every value was sent')
})

t.test('a slow reader of a live room is told how many it missed', async (t) => {
  const { ws } = await startGateway(t, FAST)
  const { slow, fast } = await slowAndFast(t, ws, 'live:big')
  for (let n = 1; n <= COUNT; n++) await fast.ask({ type: 'message', room: 'live:big', content: CONTENT })
  slow.socket.resume()
  const gap = await slow.take(({ type }) => type === 'gap', 'a gap')
  t.strictSame(gap, { type: 'gap', room: 'live:big', reason: 'slow', missed: gap['missed'] })
  await fast.ask({ type: 'message', room: 'live:big', content: 'after' })
  await slow.until('the next message', () => slow.frames.at(-1)?.content === 'after')
  t.equal(slow.frames.length - 1 + (gap['missed'] as number), COUNT)
})

t.test('a peer that asks and never reads is not read from: nothing grows', async (t) => {
  const { ws } = await startGateway(t, FAST)
  const client = await connect(t, `${ws}?join=busy`)
  await client.next('joined')
  for (let n = 0; n < 4; n++) await client.ask({ type: 'message', room: 'busy', content: CONTENT })
  client.socket.pause()
  const asked = 400
  // Each answer is some 240 KB: 96 MB, if all were made at once.
  for (let n = 0; n < asked; n++) client.send({ type: 'history', room: 'busy', id: `h${n}` })
  const other = await connect(t, ws)
  await other.ask({ type: 'ping' })
  t.ok(process.memoryUsage().arrayBuffers < 60_000_000, 'the answers wait to be asked for')
  client.socket.resume()
  await client.until('every answer', () => client.frames.at(-1)?.id === `h${asked - 1}`, 30_000)
  t.equal(client.frames.filter(({ type }) => type === 'history').length, asked)
})

t.test('a peer that joins many rooms with their history, and never reads, does not grow the process', async (t) => {
  const { ws } = await startGateway(t, FAST)
  const rooms = Array.from({ length: 30 }, (_, n) => `big-${n}`)
  const writer = await connect(t, ws)
  for (const room of rooms) {
    await writer.ask({ type: 'join', room })
    for (let n = 0; n < 18; n++) await writer.ask({ type: 'message', room, content: CONTENT, echo: false })
  }
  const client = await connect(t, ws)
  const before = process.memoryUsage().arrayBuffers
  client.socket.pause()
  for (const room of rooms) client.send({ type: 'join', room, history: 1_000 })
  for (let n = 0; n < 50; n++) await writer.ask({ type: 'ping' })
  const grown = process.memoryUsage().arrayBuffers - before
  t.ok(grown < 15_000_000, `30 MB were asked for; ${grown} bytes more are held`)
  client.socket.resume()
  await client.until('all rooms', () => client.frames.filter(({ type }) => type === 'joined').length === rooms.length, 20_000)
})

t.test('a reader that takes no byte for the stall timeout is ended, though it sends', async (t) => {
  const { ws } = await startGateway(t, { ...FAST, STALL_TIMEOUT_MS: '200', MAX_CONNECTIONS: '2' })
  const { slow, fast } = await slowAndFast(t, ws, 'busy')
  const sending = setInterval(() => slow.send({ type: 'ping' }), 50)
  t.teardown(() => clearInterval(sending))
  for (let n = 1; n <= COUNT; n++) await fast.ask({ type: 'message', room: 'busy', content: CONTENT })
  // There is room for another as soon as the slow one has been ended.
  await eventually('the slow reader is gone', () => isLetIn(ws))
  slow.socket.resume()
  t.match(await slow.closed, { code: 1006 })
  t.match(await fast.ask({ type: 'ping' }), { type: 'pong' })
})
