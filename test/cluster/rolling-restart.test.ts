import t from 'tap'
import { chatter, complaints, crowd, nothingMissed, startCluster } from '../helpers/cluster.ts'
import type { Goodbye } from '../helpers/roamer.ts'

const DRAIN_MS = 2_000
const CLIENTS = 90
const BARS = 10

/** How many came back in each tenth of the window. */
function histogram (goodbyes: readonly Goodbye[]): number[] {
  const bars = new Array<number>(BARS).fill(0)
  for (const { backMs } of goodbyes) {
    const bar = Math.min(BARS - 1, Math.floor(backMs / DRAIN_MS * BARS))
    bars[bar] = bars[bar]! + 1
  }
  return bars
}

t.test('a rolling restart of all replicas under load is noticed by nobody', async (t) => {
  const { cluster, said } = await startCluster(t, { DRAIN_MS: String(DRAIN_MS) })
  const roamers = await crowd(t, cluster, CLIENTS)
  const stop = chatter(roamers)
  let moved = 0
  for (const replica of cluster.replicas) {
    moved += roamers.filter((roamer) => roamer.replica === replica.name).length
    const startMs = performance.now()
    t.strictSame(await replica.stop('SIGTERM'), { code: 0, signal: null })
    t.ok(performance.now() - startMs < DRAIN_MS + 5_000, 'it ends in time')
    await replica.start()
  }
  stop()
  await nothingMissed(t, cluster, roamers)

  const goodbyes = roamers.flatMap((roamer) => roamer.goodbyes)
  t.equal(goodbyes.length, moved, 'everyone on a replica that went was told so')
  t.ok(goodbyes.every(({ close }) => close.code === 1001), 'and closed with 1001')
  t.strictSame(roamers.flatMap(({ losses }) => losses), [], 'nobody was cut off')

  const bars = histogram(goodbyes)
  t.comment(`${goodbyes.length} reconnects, by tenths of DRAIN_MS (${DRAIN_MS} ms):`)
  bars.forEach((count, bar) => t.comment(`${String(bar * DRAIN_MS / BARS).padStart(5)} ms ${'#'.repeat(count)} ${count}`))
  const even = goodbyes.length / BARS
  t.ok(bars.every((count) => count > even / 3 && count < even * 2), 'spread over the window')
  t.strictSame(await complaints(cluster, said), [])
})
