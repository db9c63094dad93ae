import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { FileCounts } from '../../src/files/counts.ts'
import { Hub } from '../../src/hub/hub.ts'
import { WriteCounts } from '../../src/hub/write-counts.ts'
import { Metrics } from '../../src/metrics/metrics.ts'
import { SessionCounts } from '../../src/session/counts.ts'

interface Shown {
  readonly name: string
  readonly labelNames: readonly string[]
  readonly help: string
  readonly type: string
}
interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string }
}

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')
const batches = { asks: 0, commands: 0 }
const { registry } = new Metrics({
  sessions: { size: 0 },
  counts: new SessionCounts(),
  hub: new Hub(),
  presence: { size: 0 },
  pastPace: { size: 0 },
  writes: new WriteCounts(),
  sync: { repairs: 0 },
  loopDelay: { meanMs: 0 },
  heap: { share: 0 },
  isReady: () => true,
  hooks: { counts: { underWay: 0, failures: {}, durations: {} } },
  redis: {
    connections: { isUp: () => true, connects: {} },
    broker: { probeAgeMs: 0, signalCounts: batches },
    log: { appendCounts: batches }
  },
  webhooks: { sent: 0, dropped: 0, waiting: 0, oldestMs: 0, attempts: {} },
  files: { store: { heldBytes: 0 }, counts: new FileCounts() }
}, () => 0)
const metrics = registry.getMetricsAsArray() as unknown as ReadonlyArray<Shown & { get (): Promise<Shown> }>
const shown = await Promise.all(metrics.map(async (each) => ({ ...await each.get(), labelNames: each.labelNames })))
const ours = shown.filter(({ name }) => name.startsWith('tidegate_'))
const rows = read('docs/metrics.md').split('\n').filter((line) => line.startsWith('| `tidegate_'))
const rules = (parse(read('deploy/prometheus/alerts.yaml')) as { groups: Array<{ rules: Rule[] }> })
  .groups.flatMap((group) => group.rules)

t.test('docs/metrics.md has a row for every metric, as it describes itself', async (t) => {
  t.ok(ours.length > 25)
  const described = rows.map((row) => row.slice(0, row.lastIndexOf(' | ')))
  t.strictSame(described, ours.map(({ name, type, labelNames, help }) =>
    `| \`${name}\` | ${type} | ${labelNames.map((label) => `\`${label}\``).join(', ')} | ${help}`))
})

t.test('names and units are those of Prometheus', async (t) => {
  for (const { name, type, help } of ours) {
    t.match(name, /^[a-z_]+$/)
    t.equal(name.endsWith('_total'), type === 'counter', name)
    if (type === 'histogram') t.match(name, /_seconds$/)
    t.notMatch(name, /_(ms|milliseconds|kb|mb)(_|$)/)
    t.match(help, /^.{20,}\.$/, name)
  }
})

t.test('every alert asks for metrics that there are, and is in the table', async (t) => {
  const names = new Set(shown.flatMap(({ name, type }) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name]))
  for (const { alert, expr, labels, annotations } of rules) {
    for (const [name] of expr.matchAll(/\b(?:tidegate|nodejs|process)_\w+/g)) t.ok(names.has(name), `${alert}: ${name}`)
    t.match(labels.severity, /^(page|ticket)$/, alert)
    t.ok(annotations.summary.length > 10, alert)
  }
  const told = rows.flatMap((row) => [...row.matchAll(/`(Tidegate\w+)`/g)].map(([, name]) => name))
  // Whether a replica answers at all is no metric of its own.
  t.strictSame([...new Set(told)].sort(), rules.map(({ alert }) => alert).filter((name) => name !== 'TidegateDown').sort())
})
