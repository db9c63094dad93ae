import { constants, PerformanceObserver } from 'node:perf_hooks'
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8'

const SAMPLE_MS = 250
// V8 counts what is new on top of `--max-old-space-size`: three half spaces of 16 MiB, unless it was told otherwise.
const NEW_BYTES = 3 * 16 * 2 ** 20

/** How much of the memory that V8 may have is in use, what it could collect left out. */
export class HeapLoad {
  #timer: NodeJS.Timeout | undefined
  // What was left when it last collected all of it. What is used now is less only where it has been collected since.
  #leftBytes = 0
  #share = 0
  readonly #observer = new PerformanceObserver((list) => {
    const isMajor = list.getEntries().some((entry) =>
      (entry as unknown as { detail: { kind: number } }).detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR)
    if (isMajor) this.#leftBytes = oldBytes()
  })

  /** 0 to 1. */
  get share (): number {
    return this.#share
  }

  /** @param onSample called with each new figure */
  start (onSample: (share: number) => void): void {
    this.#observer.observe({ entryTypes: ['gc'] })
    this.#timer = setInterval(() => {
      const { heap_size_limit: limit } = getHeapStatistics()
      this.#share = Math.min(this.#leftBytes, oldBytes()) / (limit - NEW_BYTES)
      onSample(this.#share)
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
