import t from 'tap'
import { WriteCounts } from '../../../src/hub/write-counts.ts'
import { Hub } from '../../../src/hub/hub.ts'
import { Metrics } from '../../../src/metrics/metrics.ts'
import { SessionCounts } from '../../../src/session/counts.ts'

t.test('the text is made once for all who ask while it is being made, and anew for who asks after that', async (t) => {
  const counts = new SessionCounts()
  const metrics = new Metrics({
    sessions: { size: 0 },
    counts,
    hub: new Hub(),
    presence: { size: 0 },
    pastPace: { size: 0 },
    writes: new WriteCounts(),
    sync: { repairs: 0 },
    loopDelay: { meanMs: 0 },
    heap: { share: 0 },
    isReady: () => true,
    hooks: undefined,
    redis: undefined,
    webhooks: undefined,
    files: undefined
  }, () => 0)
  let made = 0
  const make = metrics.registry.metrics.bind(metrics.registry)
  metrics.registry.metrics = async () => {
    made++
    return await make()
  }
  const [one, two] = await Promise.all([metrics.text(), metrics.text()])
  t.equal(one, two)
  t.equal(made, 1)
  counts.opened++
  t.not(await metrics.text(), one)
  t.equal(made, 2)
})
