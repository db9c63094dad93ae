import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { OPEN_ACCESS } from '../../../src/auth/auth.ts'
import type { Broker } from '../../../src/broker/broker.ts'
import { MemoryBroker, MemoryBus } from '../../../src/broker/memory.ts'
import type { Frame } from '../../../src/hub/frame.ts'
import { payloadOf } from '../../../src/hub/frame.ts'
import type { Log } from '../../../src/log/log.ts'
import { MemoryLog } from '../../../src/log/memory.ts'
import { MemoryPosition } from '../../../src/position/memory.ts'
import { BrokerError } from '../../../src/protocol/codes.ts'
import { formatCursor } from '../../../src/protocol/cursor.ts'
import { ALL } from '../../../src/protocol/rooms.ts'
import type { Services } from '../../../src/session/services.ts'
import { Session } from '../../../src/session/session.ts'
import type { Transport } from '../../../src/session/transport.ts'
import { Until } from '../../../cluster/until.ts'
import { startServices } from '../../helpers/services.ts'
import { Deferred, framesOf, turn } from '../fakes.ts'

const KEEP = { maxEntries: 500, maxAgeMs: 0, latestOnly: false }

/** A transport that keeps what was written, and can be told to take nothing. */
class FakeTransport implements Transport {
  readonly written: Array<Record<string, unknown>> = []
  readonly closes: number[] = []
  /** Of each close, how much is read after it. */
  readonly heardBytes: Array<number | undefined> = []
  readonly until = new Until()
  isReading = true
  stallMs = 0
  pendingBytes = 0
  isStalled = false
  isMidMessage = false

  write (bytes: Frame): void {
    for (const frame of framesOf(bytes)) {
      this.written.push(JSON.parse(Buffer.from(payloadOf(frame)).toString()))
      if (this.isStalled) this.pendingBytes += frame.length
    }
    this.until.changed()
  }

  setReading (on: boolean): void { this.isReading = on }
  watchStall (timeoutMs: number): void { this.stallMs = timeoutMs }
  ping (): void {}
  close (code: number, _reason: string, maxBytes?: number): void {
    this.closes.push(code)
    this.heardBytes.push(maxBytes)
  }

  terminate (): void {}

  /** The client stops reading, and asks until the queue is full. */
  fill (send: (request: object) => void): void {
    this.isStalled = true
    while (this.isReading) send({ type: 'ping' })
  }

  /** The client reads again. */
  drain (session: Session): void {
    this.isStalled = false
    this.pendingBytes = 0
    session.queue.drained()
  }

  async has (type: string, count = 1): Promise<Array<Record<string, unknown>>> {
    const of = (): Array<Record<string, unknown>> => this.written.filter((frame) => frame['type'] === type)
    await this.until.true(`${count} ${type}`, () => of().length >= count)
    return of()
  }
}

/** A replica with the embedded broker, and a log that a test can put itself in front of. */
async function openSession (
  t: Test, wrap: (log: MemoryLog) => Partial<Log> = () => ({}), replace: Partial<Services> = {}
): Promise<{
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
    tops: (...args) => memory.tops(...args),
    after: (...args) => memory.after(...args),
    before: (...args) => memory.before(...args),
    stop: () => memory.stop()
  }
  const log = { ...methods, ...wrap(memory) }
  const position = new MemoryPosition(bus, memory, { min: -100, max: 100 })
  const parts = { broker: new MemoryBroker(bus), log, position }
  const { services, interest } = await startServices(parts, { retention: KEEP })
  const transport = new FakeTransport()
  const identity = { connection: 'c_1', user: 'ann', keyScope: 'user:ann', access: OPEN_ACCESS }
  const session = new Session({ ...services, ...replace }, transport, identity)
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
    tops: async ([room]) => {
      const tops = await memory.tops([room!])
      await memory.append(room!, { from: '"bob"', content: '"meanwhile"' })
      return tops
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
  await transport.has('pong', 5)
  transport.drain(session)
  t.equal(transport.stallMs, 0)
  await transport.has('pong', 30)
  t.equal(transport.isReading, true)
})

t.test('what a client asks for while its replies wait is done when they have left, in order', async (t) => {
  const appended: string[] = []
  const { session, transport, send } = await openSession(t, (memory) => ({
    append: async (room, draft) => {
      appended.push(draft.content)
      return await memory.append(room, draft)
    }
  }))
  transport.fill(send)
  for (const id of [1, 2, 3]) send({ type: 'broadcast', id, content: id })
  await turn()
  t.strictSame(appended, [])
  transport.drain(session)
  const acks = await transport.has('ack', 3)
  t.strictSame(acks.map(({ id }) => id), [1, 2, 3])
  t.strictSame(appended, ['1', '2', '3'])
})

t.test('what waited for a client that never read is not done when it ends', async (t) => {
  let asked = 0
  const { session, transport, send, log } = await openSession(t, (memory) => ({
    before: async (...args) => {
      asked++
      return await memory.before(...args)
    }
  }))
  transport.fill(send)
  send({ type: 'broadcast', content: 1 })
  for (let n = 0; n < 9; n++) send({ type: 'history', room: `room-${n}` })
  await turn()
  session.onClosed()
  for (let n = 0; n < 5; n++) await turn()
  t.equal(asked, 0)
  t.strictSame((await log.open(ALL, 9, 1_000)).entries, [])
})

t.test('a client that asks for much of the past gets it four replies at a time', async (t) => {
  const answers: Array<Deferred> = []
  const hold = async (): Promise<void> => {
    const answer = new Deferred()
    answers.push(answer)
    await answer.promise
  }
  const { transport, send } = await openSession(t, (memory) => ({
    tops: async (rooms) => {
      if (rooms[0]!.startsWith('room-')) await hold()
      return await memory.tops(rooms)
    },
    before: async (...args) => {
      await hold()
      return await memory.before(...args)
    }
  }))
  for (let n = 0; n < 4; n++) {
    send({ type: 'history', room: `past-${n}` })
    send({ type: 'join', room: `room-${n}`, history: 5 })
  }
  send({ type: 'join', room: 'red' })
  await transport.has('joined')
  t.equal(answers.length, 4, 'a join without a past does not wait for those')
  answers[0]!.resolve()
  await transport.has('history', 1)
  await turn()
  t.equal(answers.length, 5)
  for (let index = 1; index < 8; index++) {
    answers[index]!.resolve()
    await turn()
  }
  await transport.has('history', 4)
  await transport.has('joined', 5)
  t.equal(answers.length, 8)
})

t.test('a list of members is as large as a stretch of the past, and waits its turn with those', async (t) => {
  const answer = new Deferred()
  const { transport, send } = await openSession(t, (memory) => ({
    before: async (...args) => {
      await answer.promise
      return await memory.before(...args)
    }
  }))
  for (let n = 0; n < 4; n++) send({ type: 'history', room: `past-${n}` })
  send({ type: 'members', room: 'red' })
  await turn()
  send({ type: 'ping' })
  await transport.has('pong')
  t.notOk(transport.written.some(({ type }) => type === 'members'))
  answer.resolve()
  await transport.has('members')
})

t.test('of a request for the past that fails the place is free for the next', async (t) => {
  const { transport, send } = await openSession(t, () => ({
    before: async () => { throw new BrokerError('unavailable') }
  }))
  for (let n = 0; n < 12; n++) send({ type: 'history', room: 'red', id: n })
  const errors = await transport.has('error', 12)
  t.strictSame(errors.map(({ id }) => id), Array.from({ length: 12 }, (_, n) => n))
})

t.test('a session that was closed decodes nothing more', async (t) => {
  const { session, transport, send, log } = await openSession(t)
  session.close('draining')
  let decoded = 0
  const frame = Buffer.from('{')
  frame.toString = () => {
    decoded++
    return '{'
  }
  for (let n = 0; n < 20; n++) session.onFrame(frame, false)
  session.onFrame(frame, true)
  send({ type: 'broadcast', content: 1 })
  await turn()
  t.equal(decoded, 0)
  t.strictSame(transport.closes, [1001])
  t.strictSame((await log.open(ALL, 9, 1_000)).entries, [])
})

t.test('of who costs others something little is read after the close, of others what is on its way', async (t) => {
  for (const [name, bytes] of [['flooding', 0], ['malformed', 0], ['dripping', 0], ['binary', 4_096]] as const) {
    const { session, transport } = await openSession(t)
    session.close(name)
    t.strictSame(transport.heardBytes, [bytes], name)
  }
  for (const name of ['draining', 'defect', 'overloaded', 'silent', 'unauthenticated'] as const) {
    const { session, transport } = await openSession(t)
    session.close(name)
    t.strictSame(transport.heardBytes, [undefined], name)
  }
})

t.test('a move that fails is refused in the name of its room', async (t) => {
  const position = {
    get: async () => 0,
    move: async () => { throw new BrokerError('unavailable') }
  }
  const { transport, send } = await openSession(t, undefined, { position })
  send({ type: 'move', id: 7, delta: 1 })
  const [error] = await transport.has('error')
  t.match(error, { id: 7, room: 'position', code: 503, reason: 'unavailable' })
})

t.test('a live room cannot be joined while the broker is down, and can afterwards', async (t) => {
  const broker = { isUp: false }
  const { session, transport, send } = await openSession(t, undefined, {
    broker: broker as Broker,
    rules: { of: () => ({ kind: 'live', publish: 'members', presence: false }) }
  })
  send({ type: 'join', room: 'red', id: 1 })
  const [error] = await transport.has('error')
  t.match(error, { id: 1, room: 'red', reason: 'unavailable', retryable: true })
  t.notOk(session.members.has('red'))
  t.equal(session.joining, 0)
  broker.isUp = true
  send({ type: 'join', room: 'red', id: 2 })
  t.match(await transport.has('joined'), [{ id: 2, room: 'red' }])
  broker.isUp = false
  send({ type: 'join', room: 'red', id: 3 })
  t.match((await transport.has('error', 2))[1], { id: 3, room: 'red', reason: 'unavailable' })
})

t.test('the ack of a message without an echo stands in its place, once, though the log answers late', async (t) => {
  const answer = new Deferred()
  const { transport, send, log } = await openSession(t, (memory) => ({
    append: async (room, draft) => {
      const receipt = await memory.append(room, draft)
      await answer.promise
      return receipt
    }
  }))
  send({ type: 'join', room: 'red' })
  send({ type: 'message', room: 'red', id: 7, content: 'mine', echo: false })
  await transport.has('ack')
  await log.append('red', { from: '"bob"', content: '"theirs"' })
  await transport.has('message')
  answer.resolve()
  await turn()
  await turn()
  t.match(transport.written.slice(2), [{ type: 'ack', id: 7, seq: 1 }, { type: 'message', seq: 2, content: 'theirs' }])
  t.equal(transport.written.length, 4)
})

t.test('a message without an echo that came by is stored, whatever becomes of the log\'s answer', async (t) => {
  const { transport, send } = await openSession(t, (memory) => ({
    append: async (room, draft) => {
      await memory.append(room, draft)
      await turn()
      throw new BrokerError('unknown_outcome')
    }
  }))
  send({ type: 'join', room: 'red' })
  send({ type: 'message', room: 'red', id: 7, content: 'mine', echo: false })
  await transport.has('ack')
  for (let n = 0; n < 3; n++) await turn()
  t.strictSame(transport.written.map(({ type }) => type), ['welcome', 'joined', 'ack'])
})

t.test('a client that asks faster than Redis answers is not read from until it does', async (t) => {
  const answers = new Deferred()
  const { transport, send } = await openSession(t, (memory) => ({
    before: async (room, seq, limit, maxBytes) => {
      await answers.promise
      return await memory.before(room, seq, limit, maxBytes)
    }
  }))
  for (let n = 0; n < 256; n++) send({ type: 'history', room: `room-${n}` })
  t.equal(transport.isReading, false)
  answers.resolve()
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

t.test('C8 a defect closes this connection with 1011', async (t) => {
  const { transport, session, send } = await openSession(t, () => ({
    append: async () => { throw new TypeError('a bug') }
  }))
  send({ type: 'join', room: 'red' })
  send({ type: 'message', room: 'red', content: 1, id: 7 })
  await transport.has('joined')
  await turn()
  t.strictSame(transport.closes, [1011])
  t.ok(session.isClosed)
})

t.test('a connection that ends while it joins leaves nothing behind', async (t) => {
  let answer = (): void => {}
  const { transport, session, send } = await openSession(t, (memory) => ({
    tops: async (rooms) => {
      await new Promise<void>((resolve) => { answer = resolve })
      return await memory.tops(rooms)
    }
  }))
  send({ type: 'join', room: 'red' })
  await turn()
  session.onClosed()
  answer()
  await turn()
  t.equal(session.members.size, 0)
  t.equal(transport.written.filter(({ type }) => type === 'joined').length, 0)
  t.equal(session.services.hub.get('red')?.size ?? 0, 0)
})

t.test('at the end of its slot what is under way is answered, and then it closes', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const answer = new Deferred()
  const { session, transport, send } = await openSession(t, (memory) => ({
    before: async (...args) => {
      await answer.promise
      return await memory.before(...args)
    }
  }))
  session.retire(1_000)
  await turn()
  t.match(transport.written.at(-1), { type: 'goodbye', reason: 'draining', reconnect: true, afterMs: 1_000 })
  session.retire(0)
  await turn()
  t.equal(transport.written.filter(({ type }) => type === 'goodbye').length, 1, 'said once')
  mock.timers.tick(2_999)
  send({ type: 'history', room: 'red', id: 1 })
  mock.timers.tick(1)
  t.equal(transport.isReading, false, 'it takes no more')
  t.strictSame(transport.closes, [])
  answer.resolve()
  await turn()
  t.match(transport.written.at(-1), { type: 'history', id: 1 })
  t.strictSame(transport.closes, [1001])
})

t.test('what is not answered half a second after that is not waited for', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const { session, transport, send } = await openSession(t, () => ({ before: () => new Promise(() => {}) }))
  session.retire(0)
  send({ type: 'history', room: 'red', id: 1 })
  mock.timers.tick(2_000)
  mock.timers.tick(499)
  t.strictSame(transport.closes, [])
  mock.timers.tick(1)
  t.strictSame(transport.closes, [1001])
})

t.test('what is broadcast before the cursor has come follows what was missed; without one it comes after a second', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const { transport, send, log, session } = await openSession(t)
  const { top: since } = await log.open(ALL, 0, 0)
  for (const content of ['1', '2']) await log.append(ALL, { from: '"bob"', content })
  await turn()
  t.strictSame(transport.written.map(({ type }) => type), ['welcome'])
  send({ type: 'join', room: ALL, since: formatCursor(since) })
  await transport.has('broadcast', 2)
  t.strictSame(transport.written.map(({ type }) => type), ['welcome', 'joined', 'broadcast', 'broadcast'])
  await log.append(ALL, { from: '"bob"', content: '3' })
  await transport.has('broadcast', 3)

  const other = await openSession(t)
  await other.log.append(ALL, { from: '"bob"', content: '1' })
  await turn()
  t.equal(other.transport.written.length, 1)
  mock.timers.tick(1_000)
  await other.transport.has('broadcast', 1)
  t.notOk(session.isClosed)
})

t.test('a cursor that has come in time is waited for, however long the log, or the past of others, takes', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const slow = new Deferred()
  let isGated = false
  const { transport, send, log } = await openSession(t, (memory) => ({
    tops: async (rooms) => {
      if (isGated) await slow.promise
      return await memory.tops(rooms)
    }
  }))
  const { top: since } = await log.open(ALL, 0, 0)
  await log.append(ALL, { from: '"bob"', content: '1' })
  isGated = true
  send({ type: 'join', room: ALL, since: formatCursor(since) })
  await turn()
  mock.timers.tick(1_000)
  await log.append(ALL, { from: '"bob"', content: '2' })
  await turn()
  t.strictSame(transport.written.map(({ type }) => type), ['welcome'])
  slow.resolve()
  await transport.has('broadcast', 2)
  await log.append(ALL, { from: '"bob"', content: '3' })
  await transport.has('broadcast', 3)
  t.strictSame(transport.written.map(({ type, content }) => content ?? type), ['welcome', 'joined', 1, 2, 3])
})

t.test('where the join that brings a cursor fails, broadcasts wait for another for no longer than they would have', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  let isAway = true
  const { transport, send, log } = await openSession(t, (memory) => ({
    tops: async (rooms) => {
      if (isAway) throw new BrokerError('unavailable')
      return await memory.tops(rooms)
    }
  }))
  const { top: since } = await log.open(ALL, 0, 0)
  await log.append(ALL, { from: '"bob"', content: '1' })
  send({ type: 'join', room: ALL, since: formatCursor(since) })
  send({ type: 'join', room: ALL, since: formatCursor(since) })
  await transport.has('error', 1)
  mock.timers.tick(500)
  await transport.has('error', 2)
  t.notOk(transport.written.some(({ type }) => type === 'broadcast'))
  mock.timers.tick(500)
  await transport.has('broadcast', 1)
  isAway = false
})

t.test('a member that falls behind while another one reads the log goes on as soon as the socket drains', async (t) => {
  const gate = new Deferred()
  let isGated = false
  const { session, transport, send, log } = await openSession(t, (memory) => ({
    after: async (room, place) => {
      if (isGated && room === 'slow') await gate.promise
      return await memory.after(room, place)
    }
  }))
  for (const room of ['busy', 'slow']) send({ type: 'join', room })
  await transport.has('joined', 2)
  const publish = async (room: string, content: string): Promise<void> => {
    await log.append(room, { from: '"bob"', content: JSON.stringify(content) })
    await turn()
  }
  transport.fill(send)
  await publish('slow', 's1')
  session.services.hub.get('slow')!.forget()
  isGated = true
  transport.drain(session)
  await turn()
  transport.fill(send)
  await publish('busy', 'b1')
  transport.drain(session)
  await transport.has('message', 1)
  t.strictSame(transport.written.filter(({ type }) => type === 'message').map(({ content }) => content), ['b1'])
  gate.resolve()
  await publish('busy', 'b2')
  await publish('slow', 's2')
  const messages = await transport.has('message', 4)
  t.strictSame(messages.map(({ content }) => content).sort(), ['b1', 'b2', 's1', 's2'])
})
