import t from 'tap'
import type { Log, Stretch } from '../../../src/log/log.ts'
import { SharedReads } from '../../../src/log/shared-reads.ts'
import { BrokerError } from '../../../src/protocol/codes.ts'
import { formatCursor } from '../../../src/protocol/cursor.ts'
import { Deferred, FakeTime, place, turn } from '../fakes.ts'

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

const STRETCH: Stretch = { entries: [], top: place(9) }

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
