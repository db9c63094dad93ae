import t, { type Test } from 'tap'
import { Interest } from '../../../src/broker/interest.ts'
import { MemoryBroker, MemoryBus } from '../../../src/broker/memory.ts'
import { Hub } from '../../../src/hub/hub.ts'
import type { Frame } from '../../../src/hub/frame.ts'
import { payloadOf } from '../../../src/hub/frame.ts'
import { Flusher } from '../../../src/hub/send-queue.ts'
import type { Log } from '../../../src/log/log.ts'
import { MemoryLog } from '../../../src/log/memory.ts'
import { SharedReads } from '../../../src/log/shared-reads.ts'
import { RoomSync } from '../../../src/log/sync.ts'
import { MemoryPosition } from '../../../src/position/memory.ts'
import { BrokerError } from '../../../src/protocol/codes.ts'
import { ALL } from '../../../src/protocol/rooms.ts'
import { Heartbeat } from '../../../src/session/heartbeat.ts'
import { Session, type Transport } from '../../../src/session/session.ts'
import { Until } from '../../helpers/until.ts'

const KEEP = { maxEntries: 500, maxAgeMs: 0, latestOnly: false }

/** A transport that keeps what was written, and can be told to take nothing. */
class FakeTransport implements Transport {
  readonly written: Array<Record<string, unknown>> = []
  readonly closes: number[] = []
  readonly until = new Until()
  isReading = true
  stallMs = 0
  pendingBytes = 0
  isStalled = false

  write (frames: readonly Frame[]): void {
    for (const frame of frames) {
      this.written.push(JSON.parse(Buffer.from(payloadOf(frame)).toString()))
      if (this.isStalled) this.pendingBytes += frame.length
    }
    this.until.changed()
  }

  setReading (on: boolean): void { this.isReading = on }
  watchStall (timeoutMs: number): void { this.stallMs = timeoutMs }
  ping (): void {}
  close (code: number): void { this.closes.push(code) }

  async has (type: string, count = 1): Promise<Array<Record<string, unknown>>> {
    const of = (): Array<Record<string, unknown>> => this.written.filter((frame) => frame['type'] === type)
    await this.until.true(`${count} ${type}`, () => of().length >= count)
    return of()
  }
}

/** A replica with the embedded broker, and a log that a test can put itself in front of. */
async function openSession (t: Test, wrap: (log: MemoryLog) => Partial<Log> = () => ({})): Promise<{
  session: Session
  transport: FakeTransport
  log: MemoryLog
  send: (request: object) => void
}> {
  const bus = new MemoryBus()
  const memory = new MemoryLog(bus, () => KEEP)
  const methods: Log = {
    append: (...args) => memory.append(...args),
    open: (...args) => memory.open(...args),
    after: (...args) => memory.after(...args),
    before: (...args) => memory.before(...args),
    stop: () => memory.stop()
  }
  const log = { ...methods, ...wrap(memory) }
  const hub = new Hub()
  const broker = new MemoryBroker(bus)
  const follow = (name: string): RoomSync =>
    new RoomSync(memory, hub.open(name, 'log', new SharedReads(memory, name)), false)
  const interest = new Interest(broker, follow, 0)
  broker.start(interest)
  await interest.acquire(ALL)
  const now = (): number => 0
  const transport = new FakeTransport()
  const session = new Session({
    replica: 'gw',
    limits: {
      maxMessageBytes: 65_536,
      sendQueueBytes: 1_000,
      stallTimeoutMs: 30_000,
      maxRoomsPerConnection: 8,
      requestsPerSecond: Infinity,
      publishesPerSecond: Infinity,
      pingIntervalMs: 25_000
    },
    hub,
    interest,
    log,
    broker,
    position: new MemoryPosition(bus, memory, { min: -100, max: 100 }),
    rules: { of: () => ({ kind: 'log', publish: 'members' }) },
    heartbeat: new Heartbeat(0, now),
    flusher: new Flusher(),
    now,
    logger: { debug: () => {}, error: () => {} }
  }, transport, { connection: 'c_1', user: 'ann', keyScope: 'user:ann' })
  t.teardown(async () => {
    session.onClosed()
    interest.stop()
    await memory.stop()
  })
  session.open()
  const send = (request: object): void => session.onFrame(Buffer.from(JSON.stringify(request)), false)
  return { session, transport, log: memory, send }
}

t.test('what is published between the snapshot and the membership reaches the joiner by itself', async (t) => {
  const { transport, send } = await openSession(t, (memory) => ({
    open: async (room, newest, maxBytes) => {
      const snapshot = await memory.open(room, newest, maxBytes)
      await memory.append(room, { from: '"bob"', content: '"meanwhile"' })
      return snapshot
    }
  }))
  send({ type: 'join', room: 'red' })
  const [message] = await transport.has('message')
  t.match(message, { seq: 1, content: 'meanwhile' })
  t.strictSame(transport.written.map(({ type }) => type), ['welcome', 'joined', 'message'])
  t.match(transport.written[1], { seq: 0, replay: 0 })
})

t.test('while its replies wait, a client is not read from, and its stall is watched', async (t) => {
  const { session, transport, send } = await openSession(t)
  transport.isStalled = true
  for (let n = 0; n < 30; n++) send({ type: 'ping', id: n })
  t.equal(transport.isReading, false)
  t.equal(transport.stallMs, 30_000)
  await transport.has('pong', 30)
  transport.isStalled = false
  transport.pendingBytes = 0
  session.queue.drained()
  t.equal(transport.isReading, true)
  t.equal(transport.stallMs, 0)
})

t.test('a client that asks faster than Redis answers is not read from until it does', async (t) => {
  const answers: Array<() => void> = []
  const { transport, send } = await openSession(t, (memory) => ({
    before: async (room, seq, limit, maxBytes) => {
      await new Promise<void>((resolve) => answers.push(resolve))
      return await memory.before(room, seq, limit, maxBytes)
    }
  }))
  for (let n = 0; n < 256; n++) send({ type: 'history', room: `room-${n}` })
  t.equal(transport.isReading, false)
  for (const answer of answers) answer()
  await transport.has('history', 256)
  await transport.until.true('it reads again', () => transport.isReading)
})

t.test('what the log refuses is told with the reason, and the connection lives on', async (t) => {
  const { transport, send } = await openSession(t, () => ({
    append: async () => { throw new BrokerError('unknown_outcome') }
  }))
  send({ type: 'join', room: 'red' })
  send({ type: 'message', room: 'red', content: 1, id: 7 })
  const [error] = await transport.has('error')
  t.match(error, { id: 7, room: 'red', code: 503, reason: 'unknown_outcome', retryable: true })
  t.strictSame(transport.closes, [])
})

t.test('a defect closes this connection with 1011', async (t) => {
  const { transport, session, send } = await openSession(t, () => ({
    append: async () => { throw new TypeError('a bug') }
  }))
  send({ type: 'join', room: 'red' })
  send({ type: 'message', room: 'red', content: 1, id: 7 })
  await transport.has('joined')
  await new Promise((resolve) => setImmediate(resolve))
  t.strictSame(transport.closes, [1011])
  t.ok(session.isClosed)
})

t.test('a connection that ends while it joins leaves nothing behind', async (t) => {
  let answer = (): void => {}
  const { transport, session, send } = await openSession(t, (memory) => ({
    open: async (room, newest, maxBytes) => {
      await new Promise<void>((resolve) => { answer = resolve })
      return await memory.open(room, newest, maxBytes)
    }
  }))
  send({ type: 'join', room: 'red' })
  await new Promise((resolve) => setImmediate(resolve))
  session.onClosed()
  answer()
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(session.members.size, 0)
  t.equal(transport.written.filter(({ type }) => type === 'joined').length, 0)
  t.equal(session.services.hub.get('red')?.size ?? 0, 0)
})
