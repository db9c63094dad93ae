/** How the probe reaches its own replica: through one connection out, and back in by the other. */
export interface ProbeLine {
  /** False while there is nothing to be probed. */
  isUp (): boolean
  /** Publishes to this replica alone. */
  send (text: string): Promise<void>
  /** What comes back is not heard: connect anew. */
  rebuild (): void
}

const PROBE_MS = 5_000
const PATIENCE_MS = 2_000
const MAX_UNHEARD = 2
// A Redis that delivers nothing to anyone is not mended by connecting anew: each time in vain doubles the wait.
const MAX_FACTOR = 8

/**
 * Tells a subscriber that hears from one that only seems to: a connection may answer pings for ever and deliver nothing
 * (after a failover that it was not told of). What this replica publishes to itself must come back; unheard twice,
 * the subscriber is torn down and rebuilt.
 */
export class Probe {
  readonly #line: ProbeLine
  #timer: NodeJS.Timeout | undefined
  #count = 0
  #awaited: string | undefined
  // What was sent before the subscriber was rebuilt says nothing about the new one.
  #rebuiltAt = 0
  #unheard = 0
  #factor = 1
  #heardMs = performance.now()

  constructor (line: ProbeLine) {
    this.#line = line
  }

  /** How long ago one was last heard, or this replica began to speak to itself. */
  get ageMs (): number {
    return performance.now() - this.#heardMs
  }

  start (): void {
    this.#timer = setTimeout(() => { void this.#probe() }, PROBE_MS * this.#factor)
  }

  stop (): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** What was published to this replica has come back: late is better than never, too. */
  heard (text: string): void {
    const count = Number(text)
    if (!(count > this.#rebuiltAt && count <= this.#count)) return
    this.#heardMs = performance.now()
    this.#awaited = undefined
    this.#unheard = 0
    this.#factor = 1
  }

  async #probe (): Promise<void> {
    if (this.#line.isUp() && await this.#send()) {
      // After a loop that stood still timers run before sockets are read: what has come meanwhile is read first.
      this.#timer = setTimeout(() => { setImmediate(() => this.#judge()) }, PATIENCE_MS)
      return
    }
    // There is nothing to be heard: whatever was unheard before has another reason.
    this.#unheard = 0
    if (this.#timer !== undefined) this.start()
  }

  async #send (): Promise<boolean> {
    const text = String(++this.#count)
    this.#awaited = text
    try {
      await this.#line.send(text)
      return this.#timer !== undefined
    } catch {
      return false
    }
  }

  #judge (): void {
    if (this.#timer === undefined) return
    if (this.#awaited === undefined || !this.#line.isUp()) return this.start()
    // Once is chance, and asked again at once.
    if (++this.#unheard < MAX_UNHEARD) return void this.#probe()
    this.#unheard = 0
    this.#rebuiltAt = this.#count
    this.#factor = Math.min(MAX_FACTOR, this.#factor * 2)
    this.#line.rebuild()
    this.start()
  }
}
