import t, { type Test } from 'tap'
import { MemoryBus } from '../../../src/broker/memory.ts'
import { MemoryLog } from '../../../src/log/memory.ts'
import { BrokerError } from '../../../src/protocol/codes.ts'
import { FakeTime } from '../fakes.ts'

const KEEP = { maxEntries: 3, maxAgeMs: 60_000, latestOnly: false }
const CONTENT = JSON.stringify('x'.repeat(700))

function open (t: Test, maxBytes: number): MemoryLog {
  const log = new MemoryLog(new MemoryBus(), () => KEEP, new Map(), maxBytes)
  t.teardown(() => log.stop())
  return log
}

t.test('what all rooms keep together has a bound; what is over it is refused, and nothing is stored of it', async (t) => {
  const log = open(t, 7_500)
  const append = async (room: string): Promise<unknown> => await log.append(room, { from: '"ann"', content: CONTENT })
  for (const room of ['a', 'b', 'c', 'd', 'e']) await append(room)
  await t.rejects(append('f'), new BrokerError('unavailable', { isRefused: true }))
  t.strictSame(await log.tops(['e', 'f']).then(([e, f]) => [e?.seq, f]), [1, undefined])
})

t.test('a room that is full lets go of its oldest, and stays within the bound', async (t) => {
  const log = open(t, 7_500)
  for (let n = 1; n <= 50; n++) {
    t.match(await log.append('a', { from: '"ann"', content: CONTENT }), { cursor: { seq: n } })
  }
})

t.test('what has grown too old makes room, in rooms that nobody asks for as well', async (t) => {
  const time = new FakeTime(t)
  let dateMs = Date.now()
  t.capture(Date, 'now', () => dateMs)
  const log = open(t, 7_500)
  for (const room of ['a', 'b', 'c', 'd', 'e']) await log.append(room, { from: '"ann"', content: CONTENT })
  await t.rejects(log.append('f', { from: '"ann"', content: CONTENT }))
  dateMs += KEEP.maxAgeMs + 1
  time.pass(KEEP.maxAgeMs + 1)
  t.match(await log.append('f', { from: '"ann"', content: CONTENT }), { cursor: { seq: 1 } })
})

t.test('rooms weigh, too, though nothing was ever said in them', async (t) => {
  const log = open(t, 7_500)
  for (let n = 0; n < 15; n++) await log.open(`room-${n}`, 0, 0)
  await t.rejects(log.open('one-more', 0, 0), new BrokerError('unavailable', { isRefused: true }))
  t.match(await log.open('room-3', 0, 0), { top: { seq: 0 } })
})
