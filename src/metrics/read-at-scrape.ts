import type { Metric, MetricType, Registry } from 'prom-client'
import type { ByName, LatencySource } from './sources.ts'

/** A name without its prefix, and what it means in plain words. */
interface Described { readonly name: string, readonly help: string }

interface Value {
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/**
 * Metrics whose figures are read when they are asked for: they were counted in plain numbers, where it happened.
 * prom-client's own counters want to be told of each event, and look its labels up; that is too much for a delivery.
 */
export class ReadAtScrape {
  readonly #registry: Registry

  constructor (registry: Registry) {
    this.#registry = registry
  }

  counter (described: Described, read: () => number): void {
    this.#register(described, 'counter', [], () => [{ labels: {}, value: read() }])
  }

  counters (described: Described, label: string, read: () => ByName): void {
    this.#register(described, 'counter', [label], () => labelled(label, read()))
  }

  gauge (described: Described, read: () => number): void {
    this.#register(described, 'gauge', [], () => [{ labels: {}, value: read() }])
  }

  gauges (described: Described, label: string, read: () => ByName): void {
    this.#register(described, 'gauge', [label], () => labelled(label, read()))
  }

  histogram (described: Described, source: LatencySource): void {
    this.#register(described, 'histogram', [], (name) => buckets(name, {}, source))
  }

  histograms (described: Described, label: string, sources: Readonly<Record<string, LatencySource>>): void {
    this.#register(described, 'histogram', [label], (name) =>
      Object.entries(sources).flatMap(([value, source]) => buckets(name, { [label]: value }, source)))
  }

  #register (
    described: Described, type: `${Lowercase<keyof typeof MetricType>}`, labelNames: readonly string[],
    values: (name: string) => Value[]
  ): void {
    const name = `tidegate_${described.name}`
    const { help } = described
    // As much of a metric as a registry asks for.
    const metric = { name, labelNames, get: async () => ({ name, help, type, values: values(name), aggregator: 'sum' }) }
    this.#registry.registerMetric(metric as unknown as Metric)
  }
}

function labelled (label: string, values: ByName): Value[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }))
}

function buckets (name: string, labels: Readonly<Record<string, string>>, source: LatencySource): Value[] {
  const { boundsMs, counts, sumMs } = source
  let count = 0
  const cumulative = Array.from(counts, (inBucket, index) => {
    count += inBucket
    const le = index < boundsMs.length ? boundsMs[index]! / 1_000 : '+Inf'
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count }
  })
  return [
    ...cumulative,
    { metricName: `${name}_sum`, labels, value: sumMs / 1_000 },
    { metricName: `${name}_count`, labels, value: count }
  ]
}
