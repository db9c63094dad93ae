import t from 'tap'
import type { Log, Stretch } from '../../../src/log/log.ts'
import { SharedReads } from '../../../src/log/shared-reads.ts'
import { formatCursor } from '../../../src/protocol/cursor.ts'
import { Deferred, place } from '../fakes.ts'

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

t.test('a read that fails fails for all who share it, and is tried anew by the next', async (t) => {
  const { asked, answers, reads } = world()
  const both = Promise.allSettled([reads.after(place(5)), reads.after(place(5))])
  answers[0]!.reject(new Error('Redis is away'))
  t.match(await both, [{ reason: { message: 'Redis is away' } }, { reason: { message: 'Redis is away' } }])
  const third = reads.after(place(5))
  answers[1]!.resolve(STRETCH)
  t.equal(await third, STRETCH)
  t.equal(asked.length, 2)
})
