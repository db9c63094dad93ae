import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 10
const SAMPLE_MS = 500

/**
 * How late the event loop is, on average: the first sign of a replica with too much to do. One long turn is none; it
 * must have been late in both of the last two half seconds.
 */
export class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  #timer: NodeJS.Timeout | undefined
  #meanMs = 0
  #meanBeforeMs = 0

  get meanMs (): number {
    return Math.min(this.#meanMs, this.#meanBeforeMs)
  }

  start (): void {
    this.#histogram.enable()
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS)
  }

  stop (): void {
    clearInterval(this.#timer)
    this.#histogram.disable()
  }

  #sample (): void {
    const { mean } = this.#histogram
    this.#meanBeforeMs = this.#meanMs
    // Without a single tick within the time there is no mean.
    this.#meanMs = Number.isNaN(mean) ? SAMPLE_MS : Math.max(0, mean / 1e6 - RESOLUTION_MS)
    this.#histogram.reset()
  }
}
