/** A page of 256 KiB takes the loop a millisecond: the rest of the time is for those who ask for nothing old. */
const BYTES_PER_MS = 65_536
// A crowd that asks for a little each is answered at once.
const BURST_MS = 1

interface Waiting { readonly bytes: number, readonly begin: () => void }

/**
 * How much of the past is told in a millisecond, over all connections, in the order in which they asked (the generic
 * cell rate algorithm of ITU-T I.371): many that ask for much of it at once hold up nobody who asks for none.
 */
export class PastPace {
  // When all that was told is paid for, by performance.now().
  #paidMs = -Infinity
  readonly #waiting: Waiting[] = []
  #timer: NodeJS.Timeout | undefined

  /** Undefined where so much may be told at once; else resolves when it may. */
  take (bytes: number): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#restMs() <= 0) return this.#spend(bytes)
    return new Promise<void>((resolve) => {
      this.#waiting.push({ bytes, begin: resolve })
      this.#goOn()
    })
  }

  #restMs (): number {
    return this.#paidMs - performance.now()
  }

  #spend (bytes: number): undefined {
    this.#paidMs = Math.max(this.#paidMs, performance.now() - BURST_MS) + bytes / BYTES_PER_MS
  }

  #goOn (): void {
    while (this.#waiting.length > 0 && this.#restMs() <= 0) {
      const { bytes, begin } = this.#waiting.shift()!
      this.#spend(bytes)
      begin()
    }
    if (this.#waiting.length === 0) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#goOn()
    }, Math.ceil(this.#restMs()))
  }
}
