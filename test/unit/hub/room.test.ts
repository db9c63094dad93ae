import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { Member } from '../../../src/hub/member.ts'
import { type Frame, replyFrame } from '../../../src/hub/frame.ts'
import { RingBudget } from '../../../src/hub/ring.ts'
import type { Room } from '../../../src/hub/room.ts'
import { entries, entry, FakeBacklog, FakeConnection, NOON, openRoom, ownerOf, place, turn } from '../fakes.ts'

interface Joined { readonly member: Member, readonly connection: FakeConnection }

function join (room: Room, name: string, seq: number, maxBytes?: number): Joined {
  const connection = new FakeConnection(maxBytes)
  const member = new Member(ownerOf(name, connection.queue), room, place(seq))
  room.add(member)
  return { member, connection }
}

t.test('all members get the same bytes, built once', async (t) => {
  const room = openRoom('log', new FakeBacklog())
  room.reset(place(0))
  const [first, second] = [join(room, 'c_1', 0), join(room, 'c_2', 0)]
  room.deliver(entry(1))
  room.signal({ from: '"ann"', content: Buffer.from('2'), except: undefined, timestampMs: NOON })
  t.strictSame(await first.connection.told(), [1, 2])
  t.equal(first.connection.outlet.writes.length, 1)
  t.equal(first.connection.outlet.writes[0], second.connection.outlet.writes[0], 'what came in one turn is joined once')
  room.deliver(entry(2, 'a', { content: Buffer.from('3') }))
  t.strictSame(await first.connection.told(), [1, 2, 3])
  t.equal(first.connection.outlet.writes[1], second.connection.outlet.writes[1])
})

t.test('what is told of the room is made once, and not where nobody is to get it', async (t) => {
  const room = openRoom('log', new FakeBacklog())
  room.reset(place(0))
  let made = 0
  const frameOf = (): Frame => {
    made++
    return replyFrame({ type: 'told' })
  }
  const ann = join(room, 'ann', 0, 1)
  room.tell(frameOf, 'ann')
  t.equal(made, 0, 'the only member is the one it is about')
  const bob = join(room, 'bob', 0)
  const carl = join(room, 'carl', 0)
  room.tell(frameOf, 'ann')
  t.equal(made, 1)
  t.strictSame(await bob.connection.told(), ['told'])
  t.strictSame(await carl.connection.told(), ['told'])
  t.strictSame(await ann.connection.told(), [])
  room.remove(bob.member)
  room.remove(carl.member)
  ann.connection.outlet.pendingBytes = 2
  ann.connection.queue.push(replyFrame({ type: 'fills the queue' }))
  t.ok(ann.connection.queue.isFull)
  room.tell(frameOf)
  t.equal(made, 1, 'nor where nobody can take it')
})

t.test('who joins, or gets something else, in the middle of a turn gets its part in its order', async (t) => {
  const room = openRoom('log', new FakeBacklog())
  room.reset(place(0))
  const first = join(room, 'c_1', 0)
  room.deliver(entry(1))
  const late = join(room, 'c_2', 1)
  room.deliver(entry(2))
  first.connection.queue.push(replyFrame({ type: 'between' }))
  room.deliver(entry(3))
  t.strictSame(await first.connection.told(), [1, 2, 'between', 3])
  t.strictSame(await late.connection.told(), [2, 3])
})

t.test('what no member takes is not collected without end', async (t) => {
  const room = openRoom('log', new FakeBacklog())
  room.reset(place(0))
  const { connection } = join(room, 'c_1', 0, 1_000_000)
  for (let seq = 1; seq <= 1_000; seq++) room.deliver(entry(seq))
  const told = await connection.told()
  t.equal(told.length, 1_000)
  t.strictSame([told[0], told[999]], [1, 1_000])
})

t.test('joined bytes are let go when they are written', async (t) => {
  const room = openRoom('log', new FakeBacklog())
  room.reset(place(0))
  const { connection } = join(room, 'c_1', 0)
  room.deliver(entry(1))
  room.deliver(entry(2))
  await connection.told()
  const joined = new WeakRef(connection.outlet.writes.pop()!)
  await turn()
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  t.equal(joined.deref(), undefined)
})

t.test('members that read the same page get the same bytes, too', async (t) => {
  const backlog = new FakeBacklog()
  backlog.log = entries(1, 1)
  const room = openRoom('log', backlog)
  const [first, second] = [join(room, 'c_1', 0), join(room, 'c_2', 0)]
  room.reset(place(1))
  t.strictSame(await first.connection.told(), [1])
  t.equal(first.connection.outlet.writes[0], second.connection.outlet.writes[0])
})

t.test('a member that was removed is offered nothing more', async (t) => {
  const room = openRoom('log', new FakeBacklog())
  room.reset(place(0))
  const { member, connection } = join(room, 'c_1', 0)
  t.equal(room.size, 1)
  room.remove(member)
  room.deliver(entry(1))
  t.equal(room.size, 0)
  t.strictSame(await connection.told(), [])
})

t.test('the top is the newest message, or the place that the room was reset to', (t) => {
  const room = openRoom('log', new FakeBacklog())
  room.reset(place(4))
  t.strictSame(room.top, place(4))
  room.deliver(entry(5))
  t.match(room.top, place(5))
  t.end()
})

t.test('a reset leaves members alone that stand at its place already', async (t) => {
  const backlog = new FakeBacklog()
  const room = openRoom('log', backlog)
  const { connection } = join(room, 'c_1', 4)
  room.reset(place(4))
  t.strictSame(await connection.told(), [])
  t.strictSame(backlog.asked, [])
})

t.test('recent messages are told only from a place that the room knows', (t) => {
  const room = openRoom('log', new FakeBacklog())
  room.reset(place(4))
  for (const one of entries(5, 7)) room.deliver(one)
  t.match(room.recent(place(5)), [place(6), place(7)])
  t.equal(room.recent(place(5, 'b')), undefined)
  t.equal(room.recent(place(3)), undefined)
  t.end()
})

t.test('of a latest room the newest message is recent from every older place of its epoch', (t) => {
  const room = openRoom('latest', new FakeBacklog())
  room.reset(place(4))
  room.deliver(entry(5))
  room.deliver(entry(6))
  for (const seq of [1, 4]) {
    t.match(room.recent(place(seq)), [place(6)])
    t.equal(room.recent(place(seq))?.length, 1)
  }
  t.strictSame(room.recent(place(6)), [])
  t.equal(room.recent(place(7)), undefined)
  t.equal(room.recent(place(1, 'a', 'e2')), undefined)
  t.end()
})

t.test('of a latest room that was reset nothing is recent before its place, until the next value', (t) => {
  const room = openRoom('latest', new FakeBacklog())
  room.reset(place(4))
  room.deliver(entry(5))
  room.reset(place(8))
  t.equal(room.recent(place(4)), undefined)
  t.equal(room.recent(place(5)), undefined)
  t.strictSame(room.recent(place(8)), [])
  room.deliver(entry(9))
  t.match(room.recent(place(4)), [place(9)])
  t.end()
})

t.test('where a value jumps, a latest room still tells who stands right behind it', (t) => {
  const room = openRoom('latest', new FakeBacklog())
  room.reset(place(4))
  room.deliver(entry(9))
  t.match(room.top, place(9))
  t.match(room.recent(place(4)), [place(9)])
  t.match(room.recent(place(8)), [place(9)])
  t.ok(room.agrees(place(9)))
  t.notOk(room.agrees(place(9, 'b')))
  t.notOk(room.agrees(place(8, 'b')))
  t.ok(room.agrees(place(4, 'b')), 'gone')
  t.end()
})

t.test('a room that is closed gives back what it held of the budget', (t) => {
  const budget = new RingBudget(1_000_000)
  const [room, other] = [openRoom('log', new FakeBacklog(), budget), openRoom('log', new FakeBacklog(), budget)]
  for (const one of [room, other]) {
    one.reset(place(0))
    one.deliver(entry(1))
  }
  const both = budget.bytes
  t.ok(both > 0)
  room.close()
  t.equal(budget.bytes, both / 2)
  other.close()
  t.equal(budget.bytes, 0)
  t.end()
})

t.test('a room keeps a megabyte of frames at most, however many messages that is', (t) => {
  const budget = new RingBudget(10_000_000)
  const room = openRoom('log', new FakeBacklog(), budget)
  room.reset(place(0))
  const content = Buffer.from(`"${'x'.repeat(10_000)}"`)
  for (let seq = 1; seq <= 200; seq++) room.deliver(entry(seq, 'a', { content }))
  t.ok(budget.bytes <= 1_048_576 && budget.bytes > 1_000_000, `${budget.bytes} bytes`)
  t.equal(room.recent(place(0)), undefined)
  t.end()
})

t.test('where all rooms together hold too much, one that was quiet is read from the log again', async (t) => {
  const budget = new RingBudget(1_000)
  const backlog = new FakeBacklog()
  backlog.log = entries(1, 2)
  const [quiet, busy] = [openRoom('log', backlog, budget), openRoom('log', new FakeBacklog(), budget)]
  for (const room of [quiet, busy]) room.reset(place(0))
  for (const one of entries(1, 2)) quiet.deliver(one)
  for (const one of entries(1, 7)) busy.deliver(one)
  t.ok(budget.bytes <= 1_000)
  t.match(busy.recent(place(0)), entries(1, 7).map(({ seq }) => place(seq)))
  t.strictSame(quiet.top, place(2))
  t.equal(quiet.recent(place(1)), undefined)
  const { member, connection } = join(quiet, 'c_1', 0)
  member.readOn()
  t.strictSame(await connection.told(), [1, 2])
  t.strictSame(backlog.asked, [place(0)])
})

t.test('the room disagrees with a place whose number it delivered under another id', (t) => {
  const room = openRoom('log', new FakeBacklog())
  room.reset(place(4))
  room.deliver(entry(5))
  t.ok(room.agrees(place(5)))
  t.notOk(room.agrees(place(5, 'b')))
  t.end()
})
