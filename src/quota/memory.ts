import type { Counted, Quota } from './quota.ts'

interface Window { count: number, endsMs: number }

// At so many windows those that have ended are forgotten.
const MAX_WINDOWS = 10_000

/** The embedded stand-in for Redis: one replica's own counters. */
export class MemoryQuota implements Quota {
  readonly #now: () => number
  readonly #windows = new Map<string, Window>()

  constructor (now = () => performance.now()) {
    this.#now = now
  }

  async add (name: string, amount: number, windowMs: number): Promise<Counted> {
    const nowMs = this.#now()
    let window = this.#windows.get(name)
    if (window === undefined || window.endsMs <= nowMs) {
      if (this.#windows.size >= MAX_WINDOWS) this.#forgetEnded(nowMs)
      this.#windows.set(name, window = { count: 0, endsMs: nowMs + windowMs })
    }
    window.count += amount
    return { count: window.count, leftMs: Math.min(windowMs, Math.ceil(window.endsMs - nowMs)) }
  }

  get size (): number {
    return this.#windows.size
  }

  #forgetEnded (nowMs: number): void {
    for (const [name, { endsMs }] of this.#windows) if (endsMs <= nowMs) this.#windows.delete(name)
  }
}
