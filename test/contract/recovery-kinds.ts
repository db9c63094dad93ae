import { connect } from '../helpers/client.ts'
import { type Clause, publish, publisher, told, upTo } from './recovery-clause.ts'

/** What each kind of room replays. */
export const kinds: readonly Clause[] = [
  {
    name: 'broadcasts are recovered by the cursor of $all',
    check: async (test, { a, b }) => {
      const ann = await connect(test, a)
      const { broadcastCursor } = ann.welcome
      for (const content of [1, 2, 3]) await ann.ask({ type: 'broadcast', content })
      for (const url of [a, b]) {
        const bob = await connect(test, url)
        const joined = await bob.ask({ type: 'join', room: '$all', since: broadcastCursor })
        test.match(joined, { room: '$all', recovered: true, replay: 3, seq: 3 })
        const frames = await bob.settle()
        test.match(frames, [1, 2, 3].map((n) => ({ type: 'broadcast', seq: n, content: n })))
        test.match(await bob.ask({ type: 'join', room: '$all', since: 'other.1.x' }), { recovered: false })
        test.match(await bob.settle(), [{ type: 'gap', room: '$all', reason: 'epoch', cursor: joined.cursor }])
      }
      const bob = await connect(test, b)
      await bob.ask({ type: 'join', room: '$all', since: broadcastCursor })
      await bob.settle()
      await ann.ask({ type: 'broadcast', content: 4 })
      test.match(await bob.next('broadcast'), { seq: 4, content: 4 })
    }
  },
  {
    name: 'of a latest room the newest value is the replay, unless the cursor is at it',
    check: async (test, { a, b }) => {
      const room = 'latest:price'
      const ann = await publisher(test, a, room)
      const empty = await (await connect(test, b)).ask({ type: 'join', room })
      test.match(empty, { seq: 0, replay: 0 })
      const cursors = await publish(ann, room, upTo(3))
      for (const url of [a, b]) {
        const bob = await connect(test, url)
        for (const since of [empty.cursor, cursors[0], cursors[1]]) {
          test.match(await bob.ask({ type: 'join', room, since }), { recovered: true, replay: 1, seq: 3 })
          test.strictSame(await told(bob), [3])
        }
        test.match(await bob.ask({ type: 'join', room, since: cursors[2] }), { recovered: true, replay: 0, seq: 3 })
        test.strictSame(await told(bob), [])
        test.match(await bob.ask({ type: 'join', room }), { replay: 1, seq: 3 })
        test.strictSame(await told(bob), [3])
        const [epoch] = cursors[2]!.split('.')
        for (const [since, reason] of [['x.1.y', 'epoch'], [`${epoch}.9.y`, 'ahead'], [`${epoch}.3.y`, 'fork']]) {
          test.match(await bob.ask({ type: 'join', room, since }), { recovered: false, replay: 1, cursor: cursors[2] })
          test.strictSame(await told(bob), [`gap ${reason}`, 3])
        }
      }
    }
  },
  {
    name: 'the position is always told to a joiner, but to one who knows it',
    check: async (test, { a, b }) => {
      const ann = await connect(test, a)
      const still = await ann.ask({ type: 'join', room: 'position' })
      test.match(still, { seq: 0, replay: 1 })
      test.strictSame(await told(ann), [0])
      test.match(await ann.ask({ type: 'join', room: 'position', since: still.cursor }), { recovered: true, replay: 0 })
      test.match(await ann.ask({ type: 'join', room: 'position', since: 'x.1.y' }), { recovered: false, replay: 1 })
      test.strictSame(await told(ann), ['gap epoch', 0])
      await ann.ask({ type: 'move', delta: 50 })
      const { cursor } = await ann.ask({ type: 'move', delta: 7 })
      const bob = await connect(test, b)
      test.match(await bob.ask({ type: 'join', room: 'position', since: still.cursor }), { recovered: true, replay: 1, seq: 2 })
      test.strictSame(await told(bob), [57])
      test.match(await bob.ask({ type: 'join', room: 'position', since: cursor }), { recovered: true, replay: 0, seq: 2 })
    }
  },
  {
    name: 'in a live room a cursor is ignored',
    check: async (test, { a }) => {
      const ann = await connect(test, a)
      test.strictSame(await ann.ask({ type: 'join', room: 'live:x', since: 'e.1.x' }), { type: 'joined', id: 1, room: 'live:x' })
    }
  }
]
