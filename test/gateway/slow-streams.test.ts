import t, { type Test } from 'tap'
import { eventually } from '../../cluster/until.ts'
import { type Client, connect } from '../helpers/client.ts'
import { type EventClient, follow } from '../helpers/events.ts'
import { type RunningGateway, startGateway } from '../helpers/gateway.ts'
import { figuresOf } from '../helpers/metrics.ts'

const FAST = { RATE_PUBLISHES: '0', RATE_REQUESTS: '0' }
// More than the kernel's own buffers take, so that the send queue fills.
const CONTENT = 'x'.repeat(60_000)
const COUNT = 250

/** A stream that has stopped reading, and a socket that has not. */
async function slowAndFast (
  t: Test, { http, ws }: RunningGateway, room: string
): Promise<{ slow: EventClient, fast: Client }> {
  const slow = await follow(t, http, `room=${room}`)
  await slow.next('welcome')
  await slow.next('joined')
  slow.response.pause()
  const fast = await connect(t, `${ws}?join=${room}`)
  await fast.next('joined')
  return { slow, fast }
}

async function fill (fast: Client, room: string, count = COUNT): Promise<void> {
  for (let n = 1; n <= count; n++) await fast.ask({ type: 'message', room, content: CONTENT, echo: false })
}

t.test('a stream that is not read falls behind, and gets every message once it is', async (t) => {
  const gateway = await startGateway(t, FAST)
  const { slow, fast } = await slowAndFast(t, gateway, 'busy')
  await fill(fast, 'busy')
  const during = await figuresOf(gateway.http)
  t.equal(during.get('members_behind'), 1)
  const highWater = during.get('send_queue_high_water_bytes')!
  t.ok(highWater > 262_144 && highWater < 1_000_000, `${highWater} bytes waited`)
  slow.response.resume()
  await slow.until('all of them', () => slow.frames.at(-1)?.seq === COUNT, 20_000)
  const seqs = slow.frames.filter(({ type }) => type === 'message').map(({ seq }) => seq)
  t.strictSame(seqs, Array.from({ length: COUNT }, (_, n) => n + 1))
})

t.test('one that fell behind the retention of its room gets one gap, and can be resumed from there', async (t) => {
  const gateway = await startGateway(t, { ...FAST, LOG_ENTRIES: '10' })
  const { slow, fast } = await slowAndFast(t, gateway, 'busy')
  await fill(fast, 'busy')
  for (let n = 1; n <= 250; n++) await fast.ask({ type: 'message', room: 'busy', content: 'small', echo: false })
  slow.response.resume()
  const gap = await slow.next('gap')
  t.match(gap, { room: 'busy', reason: 'trimmed', seq: COUNT + 250 })
  slow.close()
  const again = await follow(t, gateway.http, 'room=busy', { 'last-event-id': gap.lastEventId })
  t.match(await again.next('joined'), { recovered: true, replay: 0 })
})

t.test('one of a latest room ends on the newest value, one of a live room is told what it missed', async (t) => {
  const gateway = await startGateway(t, FAST)
  const latest = await slowAndFast(t, gateway, 'latest:big')
  await fill(latest.fast, 'latest:big')
  latest.slow.response.resume()
  await latest.slow.until('the newest', () => latest.slow.frames.at(-1)?.seq === COUNT, 20_000)
  t.ok(latest.slow.frames.length < COUNT, 'not every value was sent')

  const live = await slowAndFast(t, gateway, 'live:big')
  await fill(live.fast, 'live:big')
  live.slow.response.resume()
  const gap = await live.slow.next('gap')
  t.match(gap, { room: 'live:big', reason: 'slow', missed: Number })
  await live.fast.ask({ type: 'message', room: 'live:big', content: 'after' })
  await live.slow.until('the next message', () => live.slow.frames.at(-1)?.content === 'after')
  t.equal(live.slow.frames.length - 1 + (gap['missed'] as number), COUNT)
})

t.test('one that resumes sixteen rooms and never reads does not grow the process', async (t) => {
  const { http, ws } = await startGateway(t, FAST)
  const rooms = Array.from({ length: 16 }, (_, n) => `big-${n}`)
  const writer = await connect(t, ws)
  for (const room of rooms) {
    await writer.ask({ type: 'join', room })
    await fill(writer, room, 17)
  }
  const before = process.memoryUsage().arrayBuffers
  const stream = await follow(t, http, `history=1000&${rooms.map((room) => `room=${room}`).join('&')}`)
  stream.response.pause()
  for (let n = 0; n < 50; n++) await writer.ask({ type: 'ping' })
  const grown = process.memoryUsage().arrayBuffers - before
  t.ok(grown < 10_000_000, `16 MB were asked for; ${grown} bytes more are held`)
  stream.response.resume()
  await stream.until('all of it', () => stream.frames.filter(({ type }) => type === 'message').length === 16 * 17, 20_000)
})

t.test('one that takes no byte for the stall timeout is ended, and its neighbours notice nothing', async (t) => {
  const gateway = await startGateway(t, { ...FAST, STALL_TIMEOUT_MS: '200' })
  const { slow, fast } = await slowAndFast(t, gateway, 'busy')
  await fill(fast, 'busy')
  await eventually('it is gone', async () => (await figuresOf(gateway.http)).get('event_streams') === 0)
  t.equal((await figuresOf(gateway.http)).get('connections_closed_total{code="1006"}'), 1)
  slow.response.resume()
  t.equal(await slow.ended, false, 'broken off')
  t.match(await fast.ask({ type: 'ping' }), { type: 'pong' })
})

t.test('one that takes no heartbeat is given up, though its queue is not full', async (t) => {
  const gateway = await startGateway(t, { ...FAST, PING_INTERVAL_MS: '200', SEND_QUEUE_BYTES: '100000000' })
  const { slow, fast } = await slowAndFast(t, gateway, 'busy')
  await fill(fast, 'busy')
  await eventually('it is gone', async () => (await figuresOf(gateway.http)).get('event_streams') === 0)
  t.equal((await figuresOf(gateway.http)).get('connections_closed_total{code="4408"}'), 1)
  slow.close()
})
