import t from 'tap'
import { type FollowedLog, IdleCheck } from '../../../src/log/idle-check.ts'
import { BrokerError } from '../../../src/protocol/codes.ts'
import { type Cursor, formatCursor } from '../../../src/protocol/cursor.ts'
import { FakeTime, NOON, place, turn } from '../fakes.ts'

const HOUR_MS = 3_600_000

class FakeFollowed implements FollowedLog {
  readonly name: string
  readonly compared: string[] = []
  place: Cursor | undefined = place(1)

  constructor (name: string) {
    this.name = name
  }

  compare (before: Cursor, top: Cursor | undefined): void {
    this.compared.push(`${formatCursor(before)} ${top?.seq}`)
  }
}

function world (count: number) {
  const reads: string[][] = []
  const opened: string[] = []
  let isAway = false
  const check = new IdleCheck({
    tops: async (rooms) => {
      reads.push([...rooms])
      if (isAway) throw new BrokerError('unavailable')
      return rooms.map(() => place(7))
    },
    open: async (room) => {
      opened.push(room)
      return { top: place(7), timestampMs: NOON, entries: [] }
    }
  })
  const rooms = Array.from({ length: count }, (_, n) => new FakeFollowed(`r${n}`))
  for (const room of rooms) check.add(room)
  return { check, rooms, reads, opened, away: (is: boolean) => { isAway = is } }
}

t.test('a room in which nothing has come since the last check is compared, with all such rooms at once', async (t) => {
  const { check, rooms, reads } = world(3)
  await check.check()
  t.strictSame(reads, [], 'they have only been seen once')
  rooms[1]!.place = place(2)
  await check.check()
  t.strictSame(reads, [['r0', 'r2']])
  t.strictSame(rooms.map(({ compared }) => compared), [['e1.1.a1 7'], [], ['e1.1.a1 7']])
})

t.test('a room that is being read is not compared, and one that was let go of is forgotten', async (t) => {
  const { check, rooms, reads } = world(2)
  rooms[0]!.place = undefined
  await check.check()
  check.remove(rooms[1]!)
  await check.check()
  t.strictSame(reads, [])
})

t.test('of many rooms at most 512 are read at once', async (t) => {
  const { check, reads } = world(1_100)
  await check.check()
  await check.check()
  t.strictSame(reads.map(({ length }) => length), [512, 512, 76])
})

t.test('while Redis is away the check says nothing, and goes on the next time', async (t) => {
  const { check, rooms, away } = world(1)
  await check.check()
  away(true)
  await check.check()
  away(false)
  await check.check()
  t.strictSame(rooms[0]!.compared, ['e1.1.a1 7'])
})

t.test('the log of a room that is followed is kept, though nothing is published for long', async (t) => {
  const time = new FakeTime(t)
  const { check, opened } = world(2)
  await check.check()
  t.strictSame(opened, [])
  time.pass(HOUR_MS)
  await check.check()
  t.strictSame(opened, ['r0', 'r1'])
  await check.check()
  t.equal(opened.length, 2)
})

t.test('it checks every 20 s, a quarter more or less, until it is stopped', async (t) => {
  const time = new FakeTime(t)
  const { check, reads } = world(1)
  check.start()
  time.pass(14_999)
  t.equal(time.timers, 1)
  for (let n = 0; n < 3; n++) {
    time.pass(25_000)
    await turn()
  }
  t.equal(reads.length, 2)
  check.stop()
  t.equal(time.timers, 0)
})
