import t from 'tap'
import type { Log, Stretch } from '../../../src/log/log.ts'
import { SharedReads } from '../../../src/log/shared-reads.ts'
import { BrokerError } from '../../../src/protocol/codes.ts'
import { type Cursor, formatCursor } from '../../../src/protocol/cursor.ts'
import { Deferred, FakeTime, NOON, place, turn } from '../fakes.ts'

const RETRY_MS = 500

function world () {
  const asked: string[] = []
  const answers: Array<Deferred<Stretch>> = []
  const log: Pick<Log, 'after'> = {
    after: async (room, at) => {
      asked.push(`${room} ${formatCursor(at)}`)
      const answer = new Deferred<Stretch>()
      answers.push(answer)
      return await answer.promise
    }
  }
  return { asked, answers, reads: new SharedReads(log as Log, 'general') }
}

const STRETCH: Stretch = { entries: [], top: place(9), nowMs: NOON }

t.test('who asks for the same at the same time shares one read', async (t) => {
  const { asked, answers, reads } = world()
  const both = Promise.all([reads.after(place(5)), reads.after({ ...place(5) })])
  answers[0]!.resolve(STRETCH)
  const [first, second] = await both
  t.strictSame(asked, ['general e1.5.a5'])
  t.equal(first, STRETCH)
  t.equal(second, STRETCH)
})

t.test('who asks for another place has a read of their own', (t) => {
  const { asked, reads } = world()
  for (const at of [place(5), place(6), place(5, 'b'), place(5, 'a', 'e2')]) void reads.after(at)
  t.equal(asked.length, 4)
  t.end()
})

t.test('who asks later reads anew', async (t) => {
  const { asked, answers, reads } = world()
  const first = reads.after(place(5))
  answers[0]!.resolve(STRETCH)
  await first
  void reads.after(place(5))
  t.equal(asked.length, 2)
})

t.test('while Redis is away a read is tried again every half second, once for all who share it', async (t) => {
  const time = new FakeTime(t)
  const { asked, answers, reads } = world()
  const both = Promise.all([reads.after(place(5)), reads.after(place(5))])
  for (let tries = 1; tries <= 3; tries++) {
    answers.at(-1)!.reject(new BrokerError('unavailable'))
    await turn()
    t.equal(time.timers, 1)
    time.pass(RETRY_MS - 1)
    await turn()
    t.equal(asked.length, tries)
    time.pass(1)
    await turn()
    t.equal(asked.length, tries + 1)
  }
  const late = reads.after(place(5))
  answers.at(-1)!.resolve(STRETCH)
  t.strictSame([...await both, await late], [STRETCH, STRETCH, STRETCH])
  t.strictSame(asked, Array(4).fill('general e1.5.a5'))
  t.equal(time.timers, 0)
})

t.test('where the room is given up, a read that Redis does not answer is, too', async (t) => {
  const time = new FakeTime(t)
  const { answers, reads } = world()
  const read = reads.after(place(5))
  const rejected = t.rejects(read, new BrokerError('unavailable'))
  reads.stop()
  answers[0]!.reject(new BrokerError('unavailable'))
  await rejected
  t.equal(time.timers, 0)
})

t.test('where the room is given up, no read waits for its next try', async (t) => {
  const time = new FakeTime(t)
  const { answers, reads } = world()
  const rejected = [5, 6].map((seq) => t.rejects(reads.after(place(seq)), new BrokerError('unknown_outcome')))
  for (const answer of [...answers]) answer.reject(new BrokerError('unknown_outcome'))
  await turn()
  t.equal(time.timers, 2)
  reads.stop()
  t.equal(time.timers, 0)
  await turn()
  for (const answer of answers.slice(2)) answer.reject(new BrokerError('unknown_outcome'))
  await Promise.all(rejected)
  t.equal(time.timers, 0)
})

t.test('who asks of a room that was given up is not kept waiting', async (t) => {
  const time = new FakeTime(t)
  const { answers, reads } = world()
  reads.stop()
  const rejected = t.rejects(reads.after(place(5)), new BrokerError('unavailable'))
  answers[0]!.reject(new BrokerError('unavailable'))
  await rejected
  t.equal(time.timers, 0)
})

t.test('a defect fails at once for all who share the read, and is tried anew by the next', async (t) => {
  const { asked, answers, reads } = world()
  const both = Promise.allSettled([reads.after(place(5)), reads.after(place(5))])
  answers[0]!.reject(new TypeError('a bug'))
  t.match(await both, [{ reason: { message: 'a bug' } }, { reason: { message: 'a bug' } }])
  const third = reads.after(place(5))
  answers[1]!.resolve(STRETCH)
  t.equal(await third, STRETCH)
  t.equal(asked.length, 2)
})

/** A log whose top is read when the test says so. */
function topWorld (tops: ReadonlyArray<Cursor | undefined> = []) {
  const answers: Array<Deferred<Cursor | undefined>> = []
  const opened: string[] = []
  const log: Pick<Log, 'tops' | 'open'> = {
    tops: async () => {
      const answer = new Deferred<Cursor | undefined>()
      answers.push(answer)
      if (tops.length > 0) answer.resolve(tops[answers.length - 1])
      return [await answer.promise]
    },
    open: async (room) => {
      opened.push(room)
      return { top: place(0), timestampMs: NOON, entries: [] }
    }
  }
  return { answers, opened, reads: new SharedReads(log as Log, 'general') }
}

t.test('who asks for the top while it is read gets the next read, which all of them share', async (t) => {
  const time = new FakeTime(t)
  const { answers, reads } = topWorld()
  const first = reads.top()
  await turn()
  t.equal(answers.length, 1)
  const later = [reads.top(), reads.top(), reads.top()]
  await turn()
  t.equal(answers.length, 1, 'one at a time')
  answers[0]!.resolve(place(5))
  t.match(await first, place(5))
  await turn()
  time.pass(20)
  await turn()
  t.equal(answers.length, 2)
  answers[1]!.resolve(place(6))
  t.match(await Promise.all(later), [place(6), place(6), place(6)])
})

t.test('the more a read served, the longer the next one waits for others, but never over 200 ms', async (t) => {
  const time = new FakeTime(t)
  const { answers, reads } = topWorld(Array(9).fill(place(1)))
  await Promise.all([1, 2, 3].map(() => reads.top()))
  const after = async (ms: number): Promise<number> => {
    time.pass(ms)
    await turn()
    return answers.length
  }
  const crowd = Array.from({ length: 50 }, () => reads.top())
  t.equal(await after(59), 1)
  t.equal(await after(1), 2)
  await Promise.all(crowd)
  const next = reads.top()
  t.equal(await after(199), 2)
  t.equal(await after(1), 3)
  await next
  time.pass(20)
  await reads.top()
  t.equal(answers.length, 4, 'who comes alone does not wait')
  t.equal(time.timers, 0)
})

t.test('a room without a log is given one', async (t) => {
  const { opened, reads } = topWorld([undefined, place(0)])
  t.match(await reads.top(), place(0))
  t.strictSame(opened, ['general'])
})

t.test('a top that cannot be read is refused at once, and asked for anew by the next', async (t) => {
  const time = new FakeTime(t)
  const { answers, reads } = topWorld()
  const both = [reads.top(), reads.top()].map((top) => t.rejects(top, new BrokerError('unavailable')))
  await turn()
  answers[0]!.reject(new BrokerError('unavailable'))
  await Promise.all(both)
  const next = reads.top()
  await turn()
  time.pass(40)
  await turn()
  answers[1]!.resolve(place(2))
  t.match(await next, place(2))
})

t.test('who waits for the top of a room that is given up is not kept waiting', async (t) => {
  const { reads } = topWorld([place(1)])
  await reads.top()
  const rejected = t.rejects(reads.top(), new BrokerError('unavailable'))
  await turn()
  reads.stop()
  await rejected
})

t.test('a page, and the newest, are shared by those who know the same top', async (t) => {
  const { asked, answers, reads } = world()
  const both = [reads.page(place(5), place(9)), reads.page(place(5), place(9))]
  void reads.page(place(5), place(10))
  void reads.page(place(6), place(9))
  t.equal(asked.length, 3)
  for (const answer of answers) answer.resolve(STRETCH)
  t.strictSame(await Promise.all(both), [STRETCH, STRETCH])
})

t.test('a page is not waited for while Redis is away', async (t) => {
  const { answers, reads } = world()
  const rejected = t.rejects(reads.page(place(5), place(9)), new BrokerError('unavailable'))
  answers[0]!.reject(new BrokerError('unavailable'))
  await rejected
})

t.test('who must know what was published until now begins a read, and others share that one', async (t) => {
  const { asked, answers, reads } = world()
  const old = reads.after(place(5))
  const fresh = reads.afterNow(place(5))
  const shared = reads.after(place(5))
  t.equal(asked.length, 2)
  answers[0]!.resolve({ ...STRETCH, top: place(5) })
  answers[1]!.resolve(STRETCH)
  t.match(await old, { top: place(5) })
  t.strictSame([await fresh, await shared], [STRETCH, STRETCH])
})
