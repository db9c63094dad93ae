import { eventually } from '../../cluster/until.ts'
import { connect } from '../helpers/client.ts'
import { type Clause, publish, publisher, told, upTo } from './recovery-clause.ts'

/** How far back one can go, and how much is replayed. */
export const bounds: readonly Clause[] = [
  {
    name: 'B4 a cursor older than retention by count is trimmed, to the very message',
    settings: { LOG_ENTRIES: '5' },
    check: async (test, { a, b }) => {
      const ann = await publisher(test, a, 'red')
      const cursors = await publish(ann, 'red', upTo(12))
      for (const url of [a, b]) {
        const bob = await connect(test, url)
        test.match(await bob.ask({ type: 'join', room: 'red', since: cursors[6] }), { recovered: true, replay: 5 })
        test.strictSame(await told(bob), [8, 9, 10, 11, 12])
        test.match(await bob.ask({ type: 'join', room: 'red', since: cursors[5] }), { recovered: false, replay: 0 })
        test.strictSame(await told(bob), ['gap trimmed'])
        test.match(await bob.ask({ type: 'join', room: 'red', history: 9 }), { replay: 5 })
        test.strictSame(await told(bob), [8, 9, 10, 11, 12])
      }
    }
  },
  {
    name: 'B6 a cursor older than retention by age is trimmed, on every replica; one at the top is not',
    settings: { LOG_MAX_AGE_MS: '200' },
    check: async (test, { a, b }) => {
      const ann = await publisher(test, a, 'red')
      const cursors = await publish(ann, 'red', upTo(2))
      for (const url of [a, b]) {
        await eventually('they are too old', async () => {
          const asker = await connect(test, url)
          return (await asker.ask({ type: 'join', room: 'red', since: cursors[0] })).recovered === false
        })
        const bob = await connect(test, url)
        test.match(await bob.ask({ type: 'join', room: 'red', since: cursors[0], history: 9 }), { recovered: false, replay: 0 })
        test.strictSame(await told(bob), ['gap trimmed'])
        const top = await connect(test, url)
        test.match(await top.ask({ type: 'join', room: 'red', since: cursors[1], history: 9 }), { recovered: true, replay: 0 })
      }
    }
  },
  {
    name: 'B7 over 1,000 messages are not replayed on a join; 1,000 are',
    settings: { LOG_ENTRIES: '2000', RATE_PUBLISHES: '0', RATE_REQUESTS: '0' },
    check: async (test, { a, b }) => {
      const ann = await publisher(test, a, 'red')
      for (const content of upTo(1_001)) ann.send({ type: 'message', room: 'red', content })
      await ann.until('all of them', () => ann.frames.length === 1_001, 30_000)
      const { cursor: first } = ann.frames[0]!
      const [epoch] = first!.split('.')
      for (const url of [a, b]) {
        const bob = await connect(test, url)
        test.match(await bob.ask({ type: 'join', room: 'red', since: first }), { recovered: true, replay: 1_000 })
        test.strictSame(await told(bob), upTo(1_001).slice(1))
        const beginning = `${epoch}.0.${epoch}`
        test.match(await bob.ask({ type: 'join', room: 'red', since: beginning, history: 2 }), { recovered: false, replay: 2 })
        test.strictSame(await told(bob), ['gap limit', 1_000, 1_001])
      }
    }
  },
  {
    name: 'over 1 MiB is not replayed on a join',
    settings: { RATE_PUBLISHES: '0' },
    check: async (test, { a, b }) => {
      const ann = await publisher(test, a, 'red')
      const cursors = await publish(ann, 'red', upTo(20).map((n) => `${n} ${'x'.repeat(60_000)}`))
      for (const url of [a, b]) {
        const bob = await connect(test, url)
        test.match(await bob.ask({ type: 'join', room: 'red', since: cursors[2] }), { recovered: true, replay: 17 })
        await bob.settle()
        test.match(await bob.ask({ type: 'join', room: 'red', since: cursors[0] }), { recovered: false, replay: 0 })
        test.strictSame(await told(bob), ['gap limit'])
      }
    }
  },
  {
    name: 'what is over 1 MiB only on a later page is not replayed either, and the gap leads to the top',
    settings: { RATE_PUBLISHES: '0', RATE_REQUESTS: '0' },
    check: async (test, { a, b }) => {
      const ann = await publisher(test, a, 'red')
      const cursors = await publish(ann, 'red', upTo(60).map((n) => `${n} ${'x'.repeat(60_000)}`))
      for (const url of [a, b]) {
        const bob = await connect(test, url)
        const joined = await bob.ask({ type: 'join', room: 'red', since: cursors[0] })
        test.match(joined, { recovered: false, replay: 0, seq: 60, cursor: cursors[59] })
        test.strictSame(await told(bob), ['gap limit'])
      }
    }
  }
]
