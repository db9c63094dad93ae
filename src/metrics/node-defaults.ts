import { collectDefaultMetrics, type Metric, Registry } from 'prom-client'

let defaults: readonly Metric[] | undefined

/**
 * What prom-client knows of Node and the process it runs in: there is one set of these for all gateways in it: each set
 * watches the garbage collector and the event loop for as long as the process lives.
 */
export function nodeDefaults (): readonly Metric[] {
  if (defaults === undefined) {
    const register = new Registry()
    collectDefaultMetrics({ register })
    defaults = register.getMetricsAsArray() as unknown as Metric[]
  }
  return defaults
}
