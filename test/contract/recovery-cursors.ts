import { type Client, connect, type Frame } from '../helpers/client.ts'
import { type Clause, publish, publisher, told, upTo } from './recovery-clause.ts'

/** What a cursor brings, and joining again. */
export const cursors: readonly Clause[] = [
  {
    name: 'B2 a cursor brings what was missed, in order, on any replica; then it goes on live',
    check: async (test, { a, b }) => {
      const ann = await publisher(test, a, 'red')
      const cursors = await publish(ann, 'red', upTo(5))
      for (const url of [a, b]) {
        const bob = await connect(test, url)
        const joined = await bob.ask({ type: 'join', room: 'red', since: cursors[1] })
        test.match(joined, { type: 'joined', room: 'red', recovered: true, replay: 3, seq: 5, cursor: cursors[4] })
        test.strictSame(await told(bob), [3, 4, 5])
      }
      const bob = await connect(test, b)
      await bob.ask({ type: 'join', room: 'red', since: cursors[4] })
      const [next] = await publish(ann, 'red', [6])
      test.match(await bob.next('message'), { seq: 6, cursor: next, content: 6 })
    }
  },
  {
    name: 'a cursor at the top has missed nothing, and so has the one of an empty room',
    check: async (test, { a, b }) => {
      const ann = await connect(test, a)
      const empty = await ann.ask({ type: 'join', room: 'red' })
      test.match(empty, { seq: 0, replay: 0 })
      test.notOk('recovered' in empty)
      const bob = await connect(test, b)
      test.match(await bob.ask({ type: 'join', room: 'red', since: empty.cursor }), { recovered: true, replay: 0, seq: 0 })
      const [first] = await publish(ann, 'red', [1])
      test.match(await bob.next('message'), { seq: 1 })
      const late = await connect(test, b)
      test.match(await late.ask({ type: 'join', room: 'red', since: empty.cursor }), { recovered: true, replay: 1 })
      test.strictSame(await told(late), [1])
      const there = await connect(test, b)
      test.match(await there.ask({ type: 'join', room: 'red', since: first }), { recovered: true, replay: 0, seq: 1 })
      test.strictSame(await told(there), [])
    }
  },
  {
    name: 'what is replayed is the same bytes as what came live, and as its history',
    check: async (test, { a, b }) => {
      const content = '{"a":1.0,"b":[12345678901234567890,"\\u00e9\\ud83d\\ude00"], "c" : null}'
      const ann = await connect(test, a)
      const { cursor } = await ann.ask({ type: 'join', room: 'red' })
      ann.send(`{"type":"message","room":"red","content":${content}}`)
      await ann.next('message')
      const live = ann.texts.find((text) => text.includes('"type":"message"'))!
      test.ok(live.includes(`"content":${content}`))
      for (const url of [a, b]) {
        const bob = await connect(test, url)
        await bob.ask({ type: 'join', room: 'red', since: cursor })
        await bob.settle()
        test.equal(bob.texts.find((text) => text.includes('"type":"message"')), live)
        await bob.ask({ type: 'history', room: 'red' })
        test.ok(bob.texts.some((text) => text.includes(`"messages":[${live}]`)))
      }
    }
  },
  {
    name: 'B5 what cannot be recovered is told by a gap that says why, right after joined; the client stays joined',
    check: async (test, { a, b }) => {
      const ann = await publisher(test, a, 'red')
      const cursors = await publish(ann, 'red', upTo(3))
      const [epoch, , id] = cursors[2]!.split('.') as [string, string, string]
      const lost = [
        [`${epoch}x.2.${id}`, 'epoch'], [`${epoch}.9.${id}`, 'ahead'], [`${epoch}.3.other`, 'fork'], [`${epoch}.2.other`, 'fork']
      ] as const
      const clients: Client[] = []
      for (const url of [a, b]) {
        for (const [since, reason] of lost) {
          const bob = await connect(test, url)
          const joined = await bob.ask({ type: 'join', room: 'red', since })
          test.match(joined, { recovered: false, replay: 0, seq: 3, cursor: cursors[2] }, reason)
          const [gap, ...rest] = await bob.settle()
          test.match(gap, { type: 'gap', room: 'red', reason, seq: 3, cursor: cursors[2] })
          test.strictSame(rest, [])
          clients.push(bob)
        }
      }
      await publish(ann, 'red', [4])
      for (const bob of clients) test.match(await bob.next('message'), { seq: 4 })
    }
  },
  {
    name: 'history counts only where the cursor does not',
    check: async (test, { a, b }) => {
      const ann = await publisher(test, a, 'red')
      const cursors = await publish(ann, 'red', upTo(6))
      const bob = await connect(test, b)
      test.match(await bob.ask({ type: 'join', room: 'red', since: cursors[3], history: 5 }), { recovered: true, replay: 2 })
      test.strictSame(await told(bob), [5, 6])
      const other = `x${cursors[3]!}`
      test.match(await bob.ask({ type: 'join', room: 'red', since: other, history: 3 }), { recovered: false, replay: 3 })
      test.strictSame(await told(bob), ['gap epoch', 4, 5, 6])
    }
  },
  {
    name: 'a cursor that is none is refused, and there is no join',
    check: async (test, { a }) => {
      const bob = await connect(test, a)
      for (const since of ['', 'x', 'a.b.c', 'a.1', 'a.1.b.c', 'a.-1.b', 'a.01.b', 'a.99999999999999999.b', 'a.1.ü', `${'e'.repeat(40)}.1.b`, 7, {}, [], true]) {
        const answer = await bob.ask({ type: 'join', room: 'red', since })
        test.match(answer, { type: 'error', code: 400, reason: 'bad_cursor', room: 'red' }, JSON.stringify(since))
      }
      test.match(await bob.ask({ type: 'message', room: 'red', content: 1 }), { reason: 'not_joined' })
      test.match(await bob.ask({ type: 'join', room: 'red', since: null }), { type: 'joined' })
    }
  },
  {
    name: 'joining again from a cursor replays from there, and then goes on without a hole',
    check: async (test, { a, b }) => {
      const ann = await publisher(test, a, 'red')
      const bob = await publisher(test, b, 'red')
      const cursors = await publish(ann, 'red', upTo(4))
      await bob.until('all four', () => bob.frames.length === 4)
      test.strictSame(await told(bob), [1, 2, 3, 4])
      test.match(await bob.ask({ type: 'join', room: 'red', since: cursors[1] }), { recovered: true, replay: 2, seq: 4 })
      test.strictSame(await told(bob), [3, 4])
      await publish(ann, 'red', [5])
      test.match(await bob.next('message'), { seq: 5 })
    }
  },
  {
    name: 'B8 with a key neither a move nor a message is carried out twice, on whichever replica, by whichever door',
    check: async (test, { a, b, http }) => {
      const post = async (delta: number, key: string): Promise<unknown> => {
        const headers = { 'content-type': 'application/json', 'idempotency-key': key }
        const answer = await fetch(`${http}/position`, { method: 'POST', headers, body: JSON.stringify({ delta }) })
        return await answer.json()
      }
      test.strictSame(await post(50, 'k1'), { position: 50 })
      test.strictSame(await post(50, 'k1'), { position: 50 })
      test.match(await post(60, 'k1'), { code: 409, reason: 'key_reused' })
      const ann = await connect(test, `${a}?user=ann`)
      const again = await connect(test, `${b}?user=ann`)
      const moved = await ann.ask({ type: 'move', delta: 5, key: 'k2' })
      test.match(moved, { type: 'ack', room: 'position', position: 55 })
      test.match(await again.ask({ type: 'move', delta: 5, key: 'k2' }), {
        duplicate: true, position: 55, seq: moved.seq, cursor: moved.cursor
      })
      test.match(await again.ask({ type: 'move', delta: 6, key: 'k2' }), { code: 409, reason: 'key_reused' })
      for (const client of [ann, again]) await client.ask({ type: 'join', room: 'red' })
      const both = await Promise.all([ann, again].map((client) => client.ask({ type: 'message', room: 'red', content: 1, key: 'k' })))
      test.strictSame(both.map(({ duplicate }) => duplicate ?? false).sort(), [false, true])
      test.equal(both[0]!.cursor, both[1]!.cursor)
      const { messages } = await again.ask({ type: 'history', room: 'red' }) as Frame & { messages: Frame[] }
      test.match(messages, [{ seq: 1, content: 1 }])
    }
  },
  {
    name: "one sender's messages to a room stay in order, and a replay brings what was sent without an echo",
    settings: { RATE_PUBLISHES: '0' },
    check: async (test, { a, b }) => {
      const ann = await connect(test, a)
      const { cursor } = await ann.ask({ type: 'join', room: 'red' })
      const acks = await Promise.all(upTo(50).map((content) => ann.ask({ type: 'message', room: 'red', content, echo: false })))
      test.strictSame(acks.map(({ seq }) => seq), upTo(50))
      test.strictSame(await told(ann), [])
      test.match(await ann.ask({ type: 'join', room: 'red', since: cursor }), { recovered: true, replay: 50 })
      test.strictSame(await told(ann), upTo(50))
      const bob = await connect(test, b)
      await bob.ask({ type: 'join', room: 'red', since: cursor })
      test.strictSame(await told(bob), upTo(50))
    }
  }
]
