import t from 'tap'
import { boundReads } from '../../../src/log/bounded-reads.ts'
import type { Log, Stretch } from '../../../src/log/log.ts'
import { Gate } from '../../../src/session/gate.ts'
import { Deferred, place, turn } from '../fakes.ts'

t.test('so many pages are read at once, in their order, and nothing else waits for them', async (t) => {
  const pages: Array<Deferred<Stretch>> = []
  const unbounded = {
    append: async () => 'key_reused',
    tops: async () => [place(1)],
    open: async () => ({ top: place(1), timestampMs: 0, entries: [] }),
    after: () => {
      const page = new Deferred<Stretch>()
      pages.push(page)
      return page.promise
    }
  } as unknown as Log
  const log = boundReads(unbounded, new Gate(2))
  const read: number[] = []
  for (let n = 0; n < 5; n++) void log.after('red', place(n)).then(() => read.push(n), () => read.push(-n))
  await turn()
  t.equal(pages.length, 2)
  t.equal(await log.append('red', { from: '"ann"', content: '1' }), 'key_reused')
  t.strictSame(await log.tops(['red']), [place(1)])
  t.match(await log.open('red', 0, 0), { entries: [] })
  pages[0]!.resolve({ entries: [], top: place(1), nowMs: 0 })
  pages[1]!.reject(new Error('away'))
  await turn()
  t.strictSame(read, [0, -1])
  t.equal(pages.length, 4, 'a read that fails makes room, too')
})
