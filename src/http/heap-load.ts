import { constants, PerformanceObserver } from 'node:perf_hooks'
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8'

const SAMPLE_MS = 250
// Who is short of memory collects all the time. Where nothing has been collected for so long nobody knows how much of
// what is used is still needed, and whoever is let in makes V8 look.
const RECENT_MS = 5_000
// V8 counts what is new on top of `--max-old-space-size`: three half spaces of 16 MiB, unless it was told otherwise.
const NEW_BYTES = 3 * 16 * 2 ** 20

/** How much of the memory that V8 may have is in use, what it could collect left out. */
export class HeapLoad {
  #timer: NodeJS.Timeout | undefined
  // What was left when it last collected all of it. What is used now is less only where it has been collected since.
  #leftBytes = 0
  #collectedMs = -Infinity
  #share = 0
  readonly #observer = new PerformanceObserver((list) => {
    const isMajor = list.getEntries().some((entry) =>
      (entry as unknown as { detail: { kind: number } }).detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR)
    if (!isMajor) return
    this.#leftBytes = oldBytes()
    this.#collectedMs = performance.now()
  })

  /** 0 to 1: as it was last known. */
  get share (): number {
    return this.#share
  }

  /** The same, where it is known of late; else 0. */
  get pressure (): number {
    return performance.now() - this.#collectedMs < RECENT_MS ? this.#share : 0
  }

  /** @param onSample called with each new pressure */
  start (onSample: (pressure: number) => void): void {
    this.#observer.observe({ entryTypes: ['gc'] })
    this.#timer = setInterval(() => {
      const { heap_size_limit: limit } = getHeapStatistics()
      this.#share = Math.min(this.#leftBytes, oldBytes()) / (limit - NEW_BYTES)
      onSample(this.pressure)
    }, SAMPLE_MS)
  }

  stop (): void {
    clearInterval(this.#timer)
    this.#observer.disconnect()
  }
}

/** What has lived for a while: it is short of room for this that a process dies of. */
function oldBytes (): number {
  let bytes = 0
  for (const { space_name: name, space_used_size: used } of getHeapSpaceStatistics()) {
    if (!name.startsWith('new_')) bytes += used
  }
  return bytes
}
