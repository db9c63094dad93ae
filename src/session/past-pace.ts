/** A page of 256 KiB takes the loop a millisecond: the rest of the time is for those who ask for nothing old. */
const BYTES_PER_MS = 65_536
// A crowd that asks for a little each is answered at once.
const BURST_MS = 1
// What each that waits may be told before it is the next one's turn, or saves up for what is larger.
const TURN_BYTES = 65_536
// Of those that save up, so many are looked at before the loop goes on.
const MAX_TURNS = 1_024

/** Who is told: a connection, or an HTTP request. */
export interface Told {
  /** It has gone: nothing can be told to it any more. */
  readonly isClosed: boolean
}

interface Waiting { readonly bytes: number, readonly begin: () => void }
interface Line { readonly waiting: Waiting[], savedBytes: number }

/**
 * How much of the past is told in a millisecond, over all connections (the generic cell rate algorithm of ITU-T I.371):
 * many that ask for much of it at once hold up nobody who asks for none. Those that wait are told in turns, the same
 * number of bytes each (deficit round robin; Shreedhar and Varghese, 1995): who asks for a little does not wait for all
 * that others have asked for before, and who has gone is not waited for at all.
 */
export class PastPace {
  // When all that was told is paid for, by performance.now().
  #paidMs = -Infinity
  // In the order of their turns.
  readonly #lines = new Map<Told, Line>()
  #timer: NodeJS.Timeout | undefined

  /** How many wait. */
  get size (): number {
    return this.#lines.size
  }

  /** Undefined where so much may be told at once; else resolves when it may, or when there is nobody to tell it to. */
  take (bytes: number, told: Told): Promise<void> | undefined {
    if (this.#lines.size === 0 && this.#restMs() <= 0) return this.#spend(bytes)
    return new Promise<void>((resolve) => {
      const line = this.#lines.get(told) ?? { waiting: [], savedBytes: 0 }
      line.waiting.push({ bytes, begin: resolve })
      this.#lines.set(told, line)
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
    for (let turns = 0; turns < MAX_TURNS && this.#lines.size > 0 && this.#restMs() <= 0; turns++) {
      const [told, line] = this.#lines.entries().next().value!
      this.#lines.delete(told)
      this.#giveTurn(told, line)
      // Behind all others.
      if (line.waiting.length > 0) this.#lines.set(told, line)
    }
    if (this.#lines.size === 0) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#goOn()
    }, Math.max(0, Math.ceil(this.#restMs())))
  }

  #giveTurn (told: Told, line: Line): void {
    line.savedBytes += TURN_BYTES
    while (line.waiting.length > 0 && (told.isClosed || line.waiting[0]!.bytes <= line.savedBytes)) {
      const { bytes, begin } = line.waiting.shift()!
      if (!told.isClosed) {
        line.savedBytes -= bytes
        this.#spend(bytes)
      }
      begin()
    }
  }
}
