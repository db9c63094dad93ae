import t from 'tap'
import { replyFrame } from '../../../src/hub/frame.ts'
import { Member } from '../../../src/hub/member.ts'
import type { Page } from '../../../src/hub/room.ts'
import type { Cursor } from '../../../src/protocol/cursor.ts'
import type { RoomKind } from '../../../src/protocol/rooms.ts'
import { Deferred, entries, entry, FakeBacklog, FakeConnection, NOON, openRoom, ownerOf, place, turn } from '../fakes.ts'

const RING_ENTRIES = 500

/** A room that stands at `seq`, and one member there, in front of a socket that can stall. */
function world (kind: RoomKind = 'log', seq = 0, maxBytes = 10_000) {
  const backlog = new FakeBacklog()
  const room = openRoom(kind, backlog)
  room.reset(place(seq))
  const connection = new FakeConnection(maxBytes)
  const member = new Member(ownerOf('c_1', connection.queue), room, kind === 'live' ? undefined : place(seq))
  connection.onDrained = () => { member.drained() }
  room.add(member)
  const deliver = (first: number, last: number): void => {
    for (const one of entries(first, last)) room.deliver(one)
  }
  const whisper = (content: string, except?: string): void => {
    room.signal({ from: '"ann"', content: Buffer.from(content), except, timestampMs: NOON })
  }
  const withhold = (at: number): void => {
    const say = ({ seq }: Cursor): void => { connection.queue.push(replyFrame({ type: `instead of ${seq}` })) }
    member.withheld.entry(place(at).id, say)
  }
  return { backlog, room, connection, member, deliver, whisper, withhold }
}

/** What is answered for an entry that is stored there, and comes by as if it were somebody else's. */
function answerAt (member: Member, at: Cursor, answer: () => void): void {
  member.withheld.entry(at.id, answer)
  member.stored(at)
}

function ack (connection: FakeConnection): () => void {
  return () => { connection.queue.push(replyFrame({ type: 'ack' })) }
}

t.test('a member gets the messages of its room in order', async (t) => {
  const { deliver, connection, member } = world()
  deliver(1, 3)
  t.strictSame(await connection.told(), [1, 2, 3])
  t.match(member.last, place(3))
})

t.test('a message that was replayed to a member before is not sent again', async (t) => {
  const { deliver, connection } = world('log', 2)
  deliver(1, 3)
  deliver(3, 4)
  t.strictSame(await connection.told(), [3, 4])
})

t.test('a member that is ahead of its room waits for what it has not got', async (t) => {
  const { room, backlog, deliver } = world('log', 3)
  backlog.log = entries(1, 5)
  const connection = new FakeConnection()
  const ahead = new Member(ownerOf('c_2', connection.queue), room, place(5))
  room.add(ahead)
  ahead.readOn()
  await turn()
  deliver(4, 6)
  t.strictSame(await connection.told(), [6])
})

t.test('what comes while a page is read that is empty is taken from the ring, and waits for nothing more', async (t) => {
  const { room, backlog, deliver } = world('log', 3)
  const page = new Deferred<Page>()
  backlog.answer = async () => await page.promise
  const connection = new FakeConnection()
  const ahead = new Member(ownerOf('c_2', connection.queue), room, place(5))
  room.add(ahead)
  ahead.readOn()
  deliver(4, 7)
  page.resolve({ entries: [], top: place(5), nowMs: NOON })
  t.strictSame(await connection.told(), [6, 7])
  t.match(ahead.last, place(7))
  deliver(8, 8)
  t.strictSame(await connection.told(), [6, 7, 8])
  t.equal(backlog.asked.length, 1)
})

t.test('where the room is reset while a page is read that is empty, the member asks again', async (t) => {
  const { room, backlog, connection } = world('log', 3)
  const page = new Deferred<Page>()
  backlog.answer = async () => await page.promise
  room.reset(place(3, 'b'))
  room.reset(place(1, 'c', 'e2'))
  backlog.answer = async () => ({ gap: 'epoch', entries: [], top: place(1, 'c', 'e2'), nowMs: NOON })
  page.resolve({ entries: [], top: place(3), nowMs: NOON })
  t.match(await connection.said(), [{ type: 'gap', reason: 'epoch', cursor: 'e2.1.c1' }])
  t.strictSame(backlog.asked, [place(3), place(3)])
  room.deliver({ ...entry(2, 'c'), epoch: 'e2' })
  t.strictSame(await connection.told(), ['gap', 2])
})

t.test('a member that is behind its room reads on from the ring', async (t) => {
  const { room, backlog, deliver } = world()
  deliver(1, 5)
  const connection = new FakeConnection()
  const late = new Member(ownerOf('c_2', connection.queue), room, place(2))
  room.add(late)
  late.readOn()
  deliver(6, 6)
  t.strictSame(await connection.told(), [3, 4, 5, 6])
  t.strictSame(backlog.asked, [])
})

t.test('a message that does not follow the last one makes the member read on', async (t) => {
  const { room, backlog, connection } = world('log', 1)
  backlog.log = entries(1, 4)
  room.reset(place(3))
  room.deliver(entry(4))
  t.strictSame(await connection.told(), [2, 3, 4])
})

t.test('a message that does not name the last one makes the member ask, though its number follows', async (t) => {
  const { room, backlog, connection } = world('log', 3)
  backlog.answer = async (at) => ({ entries: [], top: at, nowMs: NOON })
  room.reset(place(3, 'b'))
  await turn()
  backlog.answer = async () => ({ gap: 'fork', entries: [], top: place(4, 'b'), nowMs: NOON })
  room.deliver(entry(4, 'b'))
  t.strictSame(await connection.told(), ['gap'])
})

t.test('a member that is reading already does not read twice', async (t) => {
  const { room, backlog, connection, member } = world('log', 1)
  backlog.log = entries(1, 3)
  room.reset(place(3))
  member.readOn()
  t.strictSame(await connection.told(), [2, 3])
  t.equal(backlog.asked.length, 1)
})

t.test('a slow member gets nothing more while it is full, and all of it when it has drained', async (t) => {
  const { deliver, connection, backlog } = world('log', 0, 500)
  connection.stall()
  deliver(1, 50)
  await turn()
  t.ok(connection.outlet.pendingBytes < 700)
  connection.drain()
  for (let round = 0; round < 20; round++) await turn()
  t.strictSame(await connection.told(), entries(1, 50).map(({ seq }) => seq))
  t.strictSame(backlog.asked, [], 'the ring reaches back')
})

t.test('a slow member goes on only when its socket has drained, not when a message comes', async (t) => {
  const { deliver, connection, member } = world('log', 0, 300)
  connection.onDrained = () => {}
  connection.stall()
  deliver(1, 10)
  await turn()
  connection.drain()
  t.notOk(connection.queue.isFull)
  const before = await connection.told()
  t.ok(before.length < 10)
  deliver(11, 11)
  t.strictSame(await connection.told(), before)
  connection.onDrained = () => { member.drained() }
  member.drained()
  for (let round = 0; round < 20; round++) await turn()
  t.strictSame(await connection.told(), entries(1, 11).map(({ seq }) => seq))
})

t.test('a slow member reads on page by page where the ring does not reach back', async (t) => {
  const { deliver, connection, backlog } = world('log', 0, 1_000)
  backlog.log = entries(1, 2 * RING_ENTRIES)
  backlog.pageEntries = 7
  connection.stall()
  deliver(1, 2 * RING_ENTRIES)
  await turn()
  t.strictSame(backlog.asked, [], 'nothing is read that could not be sent')
  connection.drain()
  for (let round = 0; round < 2 * RING_ENTRIES; round++) await turn()
  deliver(2 * RING_ENTRIES + 1, 2 * RING_ENTRIES + 1)
  t.strictSame(await connection.told(), entries(1, 2 * RING_ENTRIES + 1).map(({ seq }) => seq))
  t.ok(backlog.asked.length > 10)
})

t.test('what comes while a member reads a page follows the page, once', async (t) => {
  const { deliver, connection, backlog, room } = world('log', 1)
  backlog.log = entries(1, 4)
  room.reset(place(3))
  deliver(4, 6)
  t.strictSame(await connection.told(), [2, 3, 4, 5, 6])
})

t.test('where the log cannot tell what follows, one gap says why and where it goes on', async (t) => {
  const { deliver, connection, backlog, room } = world('log', 1)
  backlog.answer = async () => ({ gap: 'trimmed', entries: [], top: place(90), nowMs: NOON })
  room.reset(place(90))
  t.strictSame(await connection.said(), [{ type: 'gap', room: 'general', reason: 'trimmed', cursor: 'e1.90.a90', seq: 90 }])
  deliver(91, 91)
  t.strictSame(await connection.told(), ['gap', 91])
  t.equal(backlog.asked.length, 1)
})

t.test('a message of another epoch makes the member ask where it stands', async (t) => {
  const { connection, backlog, room } = world('log', 5)
  const top = place(1, 'b', 'e2')
  backlog.answer = async () => ({ gap: 'epoch', entries: [], top, nowMs: NOON })
  room.reset(place(0, 'b', 'e2'))
  room.deliver({ ...entry(1, 'b'), epoch: 'e2' })
  room.deliver({ ...entry(2, 'b'), epoch: 'e2' })
  t.strictSame(await connection.told(), ['gap', 2])
  t.match((await connection.said())[0], { reason: 'epoch', cursor: 'e2.1.b1', seq: 1 })
})

t.test('after a gap in a latest room the newest value follows', async (t) => {
  const { connection, backlog, room } = world('latest', 5)
  backlog.answer = async () => ({ gap: 'fork', entries: [entry(5, 'b')], top: place(5, 'b'), nowMs: NOON })
  room.reset(place(5, 'b'))
  t.strictSame(await connection.told(), ['gap', 5])
})

t.test('a slow member of a latest room gets only the newest value', async (t) => {
  const { deliver, connection } = world('latest', 0, 300)
  connection.stall()
  deliver(1, 50)
  await turn()
  connection.drain()
  const told = await connection.told()
  t.equal(told.at(-1), 50)
  t.ok(told.length < 10)
})

t.test('a slow member of a latest room gets the newest value from the log where the room was reset meanwhile', async (t) => {
  const { deliver, connection, backlog, room } = world('latest', 0, 300)
  connection.stall()
  deliver(1, 10)
  await turn()
  const taken = (await connection.told()).length
  backlog.answer = async () => ({ entries: [entry(50)], top: place(50), nowMs: NOON })
  room.reset(place(50))
  t.equal((await connection.told()).length, taken, 'nothing is sent before it can be')
  connection.drain()
  t.strictSame((await connection.told()).slice(taken), [50])
  room.deliver(entry(51))
  t.strictSame((await connection.told()).slice(taken), [50, 51])
})

t.test('a number may jump forward in a latest room', async (t) => {
  const { connection, room } = world('latest', 5)
  room.deliver(entry(8))
  room.deliver(entry(9))
  t.strictSame(await connection.told(), [8, 9])
})

t.test('a slow member of a live room is told how many messages it missed', async (t) => {
  const { connection, whisper } = world('live', 0, 100)
  connection.stall()
  for (let n = 1; n <= 5; n++) whisper(String(n))
  await turn()
  const taken = (await connection.told()).length
  connection.drain()
  whisper('6')
  t.strictSame((await connection.said()).slice(taken), [
    { type: 'gap', room: 'general', reason: 'slow', missed: 5 - taken },
    { type: 'message', room: 'general', from: 'ann', content: 6, timestamp: '2026-01-01T12:00:00.000Z' }
  ])
})

t.test('each gap of a live room counts anew', async (t) => {
  const { connection, whisper } = world('live', 0, 150)
  for (const count of [3, 6]) {
    connection.stall()
    for (let n = 1; n <= count; n++) whisper('0')
    await turn()
    connection.drain()
    await turn()
  }
  const gaps = (await connection.said()).filter(({ type }) => type === 'gap')
  t.strictSame(gaps.map(({ missed }) => missed), [1, 4])
})

t.test('ephemerals that a full queue could not take are no gap of a log room', async (t) => {
  const { connection, whisper } = world('log', 0, 50)
  connection.stall()
  for (let n = 1; n <= 3; n++) whisper(String(n))
  await turn()
  connection.drain()
  t.strictSame(await connection.told(), [1])
})

t.test('the connection that asked for no echo gets none, and what it gets instead stands in its place', async (t) => {
  const { connection, room, member, withhold } = world()
  withhold(2)
  room.deliver(entry(1, 'a', { except: 'c_2' }))
  room.deliver(entry(2, 'a', { except: 'c_1' }))
  room.deliver(entry(3))
  t.strictSame(await connection.told(), [1, 'instead of 2', 3])
  t.match(member.last, place(3))
})

t.test('what stands in the place of a frame waits for its place where the member is slow', async (t) => {
  const { connection, room, deliver, withhold } = world('log', 0, 300)
  withhold(6)
  connection.stall()
  deliver(1, 5)
  room.deliver(entry(6, 'a', { except: 'c_1' }))
  room.deliver(entry(7))
  await turn()
  t.notOk((await connection.told()).includes('instead of 6'))
  connection.drain()
  for (let round = 0; round < 10; round++) await turn()
  t.strictSame(await connection.told(), [1, 2, 3, 4, 5, 'instead of 6', 7])
})

t.test('no echo is sent of what was read from the log, either', async (t) => {
  const { connection, room, backlog, withhold } = world('log', 1)
  withhold(3)
  backlog.log = [entry(2), entry(3, 'a', { except: 'c_1' }), entry(4)]
  room.reset(place(4))
  t.strictSame(await connection.told(), [2, 'instead of 3', 4])
})

t.test('an ephemeral without an echo leaves nothing in its place', async (t) => {
  const { connection, whisper } = world()
  whisper('1', 'c_1')
  whisper('2', 'c_2')
  t.strictSame(await connection.told(), [2])
})

t.test('what is to run when a message is reached runs at once where it was reached before', async (t) => {
  const { connection, member, deliver } = world()
  deliver(1, 2)
  answerAt(member, place(2), ack(connection))
  deliver(3, 3)
  t.strictSame(await connection.told(), [1, 2, 'ack', 3])
})

t.test('what is to run when a message is reached runs right behind it', async (t) => {
  const { connection, member, deliver } = world()
  answerAt(member, place(2), ack(connection))
  deliver(1, 3)
  t.strictSame(await connection.told(), [1, 2, 'ack', 3])
})

t.test('what waits for a message that a gap skips runs behind the gap', async (t) => {
  const { connection, member, room, backlog } = world('log', 1)
  answerAt(member, place(50), ack(connection))
  backlog.answer = async () => ({ gap: 'trimmed', entries: [], top: place(90), nowMs: NOON })
  room.reset(place(90))
  t.strictSame(await connection.told(), ['gap', 'ack'])
})

t.test('a gap runs everything that was waited for, wherever it is', async (t) => {
  const { member, room, backlog } = world('log', 1)
  const ran: number[] = []
  for (const seq of [50, 90, 500]) answerAt(member, place(seq), () => { ran.push(seq) })
  backlog.answer = async () => ({ gap: 'fork', entries: [], top: place(90, 'b'), nowMs: NOON })
  room.reset(place(90, 'b'))
  t.strictSame(ran, [])
  await turn()
  t.strictSame(ran, [50, 90, 500])
})

t.test('what stands for a place in another log comes after the gap that says so', async (t) => {
  const { member, backlog, room, connection } = world('log', 1)
  answerAt(member, place(5, 'a', 'e2'), () => { connection.queue.push(replyFrame({ type: 'ack' })) })
  t.strictSame(await connection.told(), [])
  backlog.answer = async () => ({ gap: 'epoch', entries: [], top: place(5, 'a', 'e2'), nowMs: NOON })
  room.reset(place(5, 'a', 'e2'))
  t.strictSame(await connection.told(), ['gap', 'ack'])
})

t.test('what waits for several messages runs in their order, and once', (t) => {
  const { member, room, deliver } = world()
  const order: number[] = []
  for (const seq of [2, 1, 3]) answerAt(member, place(seq), () => { order.push(seq) })
  room.deliver(entry(1, 'a', { except: 'c_1' }))
  deliver(2, 4)
  t.strictSame(order, [1, 2, 3])
  t.end()
})

t.test('what is forgotten is not answered; what was answered is not forgotten', async (t) => {
  const { connection, member, room, whisper, withhold } = world()
  withhold(1)
  t.ok(member.withheld.forgetEntry('a1'))
  withhold(2)
  for (const seq of [1, 2]) room.deliver(entry(seq, 'a', { except: 'c_1' }))
  t.notOk(member.withheld.forgetEntry('a2'))
  const [first, second] = [ack(connection), ack(connection)]
  for (const answer of [first, second]) member.withheld.signal(answer)
  t.ok(member.withheld.forgetSignal(first))
  whisper('3', 'c_1')
  t.notOk(member.withheld.forgetSignal(second))
  t.strictSame(await connection.told(), ['instead of 2', 'ack'])
})

t.test('what stands in the place of signals is said in their order, and all of it where none can come any more', async (t) => {
  const { connection, member, room, whisper } = world('live')
  const signal = (type: string): void => member.withheld.signal(() => { connection.queue.push(replyFrame({ type })) })
  for (const type of ['one', 'two', 'three']) signal(type)
  whisper('1', 'c_1')
  whisper('2', 'c_2')
  t.strictSame(await connection.told(), ['one', 2])
  room.restored()
  t.strictSame(await connection.told(), ['one', 2, 'two', 'three'])
  signal('four')
  member.leave()
  t.strictSame(await connection.told(), ['one', 2, 'two', 'three', 'four'])
})

t.test('in a live room nothing is waited for', (t) => {
  const { member } = world('live')
  let ran = 0
  answerAt(member, place(5), () => { ran++ })
  t.equal(ran, 1)
  t.end()
})

t.test('a member that leaves does not keep anyone waiting', (t) => {
  const { member } = world()
  let ran = 0
  answerAt(member, place(5), () => { ran++ })
  member.leave()
  answerAt(member, place(9), () => { ran++ })
  t.equal(ran, 2)
  t.end()
})

t.test('a member that has left gets nothing more, not even what it was reading', async (t) => {
  const { member, deliver, connection, backlog, room, whisper } = world('log', 1)
  backlog.log = entries(1, 4)
  room.reset(place(3))
  member.leave()
  deliver(4, 5)
  whisper('6')
  t.strictSame(await connection.told(), [])
  t.equal(backlog.asked.length, 1)
})

t.test('a member that left while its read failed does not read again', async (t) => {
  const { member, deliver, connection, backlog, room } = world('log', 1)
  backlog.answer = async () => await Promise.reject(new Error('Redis is away'))
  room.reset(place(3))
  member.leave()
  await turn()
  deliver(4, 4)
  member.readOn()
  t.strictSame(await connection.told(), [])
  t.equal(backlog.asked.length, 1)
})

t.test('a member that is held gets nothing, and goes on from the place that it is given', async (t) => {
  const { deliver, connection, member, room, backlog } = world('log', 0)
  deliver(1, 2)
  member.hold()
  deliver(3, 4)
  room.reset(place(4))
  member.drained()
  t.strictSame(await connection.told(), [1, 2])
  backlog.log = entries(1, 4)
  member.release(place(3))
  deliver(5, 5)
  t.strictSame(await connection.told(), [1, 2, 4, 5])
})

t.test('a member that is held and given no place misses nothing', async (t) => {
  const { deliver, connection, member } = world('log', 0)
  deliver(1, 2)
  member.hold()
  deliver(3, 4)
  member.release(undefined)
  t.strictSame(await connection.told(), [1, 2, 3, 4])
})

t.test('a page that was asked for before a member was moved is nothing to it', async (t) => {
  const { connection, member, backlog, room } = world('log', 1)
  const page = new Deferred<Page>()
  backlog.answer = async () => await page.promise
  room.reset(place(9))
  await turn()
  member.hold()
  member.release(place(9))
  page.resolve({ entries: entries(2, 9), top: place(9), nowMs: NOON })
  t.strictSame(await connection.told(), [])
})

t.test('what waits for a place that a member is moved past runs; what lies ahead goes on waiting', (t) => {
  const { member } = world('log', 1)
  const ran: number[] = []
  for (const seq of [3, 5, 7]) answerAt(member, place(seq), () => { ran.push(seq) })
  member.hold()
  member.release(place(5))
  t.strictSame(ran, [3, 5])
  member.hold()
  member.release(place(1, 'n', 'e2'))
  t.strictSame(ran, [3, 5, 7], 'in another log it cannot come any more')
  t.end()
})

t.test('a member that has left is neither held nor released', async (t) => {
  const { deliver, connection, member } = world('log', 0)
  member.leave()
  member.hold()
  member.release(place(0))
  deliver(1, 1)
  t.strictSame(await connection.told(), [])
})
