import t, { type Test } from 'tap'
import { Grants } from '../../../src/auth/grants.ts'
import { TokenAuthenticator } from '../../../src/auth/tokens.ts'
import { MemoryBroker, MemoryBus } from '../../../src/broker/memory.ts'
import { type Frame, payloadOf } from '../../../src/hub/frame.ts'
import { MemoryLog } from '../../../src/log/memory.ts'
import { MemoryPosition } from '../../../src/position/memory.ts'
import { Session } from '../../../src/session/session.ts'
import { Until } from '../../../cluster/until.ts'
import { startServices } from '../../helpers/services.ts'
import { SECRET, tokenOf } from '../../helpers/tokens.ts'
import { Deferred, framesOf, turn } from '../fakes.ts'

const KEEP = { maxEntries: 500, maxAgeMs: 0, latestOnly: false }
const RED = { rooms: { red: ['join', 'publish'] } }
const ACCESS = { grants: Grants.of(RED), endsMs: Infinity, expiresMs: undefined }

interface Opened {
  readonly session: Session
  readonly log: MemoryLog
  readonly written: Array<Record<string, unknown>>
  readonly send: (request: object) => void
  readonly until: (what: string, condition: () => boolean) => Promise<void>
  /** What the log is asked for waits for this, once it is held. */
  readonly hold: () => Deferred
}

/** A session that may join red, beside a log that can be slow. */
async function openSession (t: Test): Promise<Opened> {
  const bus = new MemoryBus()
  const log = new MemoryLog(bus, () => KEEP)
  let gate: Deferred | undefined
  const slow = Object.assign(Object.create(log) as MemoryLog, {
    append: log.append.bind(log),
    open: log.open.bind(log),
    after: log.after.bind(log),
    before: log.before.bind(log),
    tops: async (rooms: readonly string[]) => {
      await gate?.promise
      return await log.tops(rooms)
    }
  })
  const position = new MemoryPosition(bus, log, { min: -100, max: 100 })
  const { services, interest } = await startServices(
    { broker: new MemoryBroker(bus), log: slow, position }, { retention: KEEP, lingerMs: 10_000 }
  )
  const auth = new TokenAuthenticator({ secret: SECRET, jwksUrl: undefined, issuer: undefined, audience: undefined })
  const written: Array<Record<string, unknown>> = []
  const until = new Until()
  const transport = {
    pendingBytes: 0,
    isMidMessage: false,
    write: (bytes: Frame): void => {
      written.push(...framesOf(bytes).map((frame) => JSON.parse(Buffer.from(payloadOf(frame)).toString())))
      until.changed()
    },
    setReading: () => {},
    watchStall: () => {},
    ping: () => {},
    close: () => {},
    terminate: () => {}
  }
  const identity = { connection: 'c_1', user: 'ann', keyScope: 'user:ann', access: ACCESS }
  const session = new Session({ ...services, auth }, transport, identity)
  t.teardown(async () => {
    session.onClosed()
    interest.stop()
    await log.stop()
  })
  session.open()
  return {
    session,
    log,
    written,
    send: (request) => session.onFrame(Buffer.from(JSON.stringify(request)), false),
    until: (what, condition) => until.true(what, condition),
    hold: () => (gate = new Deferred())
  }
}

async function authenticate (
  { written, send, until }: Opened, rooms: Readonly<Record<string, string[]>>
): Promise<void> {
  const count = written.length
  send({ type: 'auth', token: await tokenOf('ann', { rooms }) })
  await until('authenticated', () => written.slice(count).some(({ type }) => type === 'authenticated'))
  await turn()
}

function repliesTo (id: number, { written }: Opened): unknown[] {
  return written.filter((frame) => frame['id'] === id).map(({ type, reason }) => reason ?? type)
}

t.test('a join that is under way while the right to it is lost is refused, and leaves nothing behind', async (t) => {
  const opened = await openSession(t)
  const { session, send, until, hold, log } = opened
  const answer = hold()
  send({ type: 'join', id: 1, room: 'red', history: 5 })
  await turn()
  await authenticate(opened, {})
  t.strictSame(repliesTo(1, opened), [], 'under way')
  answer.resolve()
  await until('refused', () => repliesTo(1, opened).length > 0)
  await log.append('red', { from: '"bob"', content: '1' })
  await turn()
  await turn()
  t.strictSame(repliesTo(1, opened), ['forbidden'])
  t.strictSame(opened.written.map(({ type }) => type), ['welcome', 'authenticated', 'error'])
  t.strictSame([session.joining, [...session.members.keys()]], [0, ['$all']])
  t.equal(session.services.hub.get('red')?.size ?? 0, 0)
})

t.test('joining again, too, is refused where the right is lost meanwhile', async (t) => {
  const opened = await openSession(t)
  const { session, send, until, hold, log } = opened
  send({ type: 'join', id: 1, room: 'red' })
  await until('in', () => repliesTo(1, opened).length > 0)
  const answer = hold()
  send({ type: 'join', id: 2, room: 'red' })
  await turn()
  await authenticate(opened, {})
  t.match(opened.written.at(-1), { type: 'left', room: 'red', reason: 'forbidden' })
  answer.resolve()
  await until('refused', () => repliesTo(2, opened).length > 0)
  await log.append('red', { from: '"bob"', content: '1' })
  await turn()
  await turn()
  t.strictSame(repliesTo(2, opened), ['forbidden'])
  t.strictSame(opened.written.map(({ type }) => type), ['welcome', 'joined', 'authenticated', 'left', 'error'])
  t.strictSame([session.joining, [...session.members.keys()]], [0, ['$all']])
})

t.test('a right that is lost and had again while joining, or joining again, is one reply', async (t) => {
  for (const isMember of [false, true]) {
    const opened = await openSession(t)
    const { session, send, until, hold, log } = opened
    if (isMember) {
      send({ type: 'join', id: 1, room: 'red' })
      await until('in', () => repliesTo(1, opened).length > 0)
    }
    const answer = hold()
    send({ type: 'join', id: 2, room: 'red' })
    await turn()
    await authenticate(opened, {})
    await authenticate(opened, RED.rooms)
    answer.resolve()
    await until('answered', () => repliesTo(2, opened).length > 0)
    t.strictSame(repliesTo(2, opened), ['joined'])
    t.strictSame([...session.members.keys()], ['$all', 'red'])
    await log.append('red', { from: '"bob"', content: '1' })
    await until('heard', () => opened.written.some(({ type }) => type === 'message'))
    send({ type: 'leave', id: 3, room: 'red' })
    await until('left', () => repliesTo(3, opened).length > 0)
    t.equal(opened.written.filter(({ type }) => type === 'message').length, 1)
    t.equal(session.services.hub.get('red')?.size ?? 0, 0)
  }
})

t.test('a connection that ends while its token is checked is told nothing', async (t) => {
  const opened = await openSession(t)
  opened.send({ type: 'auth', id: 1, token: await tokenOf('ann') })
  opened.session.close('draining')
  await turn()
  await turn()
  t.strictSame(repliesTo(1, opened), [])
})
