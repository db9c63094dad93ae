/** As long as the plot is wide. */
export const SPAN_S = 60
const MAX_POINTS = 6_000

/** Where the car was in the last minute, and how often it was told. */
export class Track {
  #times: number[] = []
  #values: number[] = []
  #counted = 0

  add (value: number): void {
    this.#times.push(Date.now() / 1000)
    this.#values.push(value)
    this.#counted++
    this.#forget()
  }

  /** How many were told so far. */
  get counted (): number {
    return this.#counted
  }

  /** Times in seconds, and values, up to now. */
  points (nowS: number): [number[], number[]] {
    const last = this.#values.at(-1)
    return last === undefined ? [[], []] : [[...this.#times, nowS], [...this.#values, last]]
  }

  /** One before the span stays: the line comes from there. */
  #forget (): void {
    const from = Date.now() / 1000 - SPAN_S
    const times = this.#times
    let old = 0
    while (old + 1 < times.length && (times[old + 1]! < from || times.length - old > MAX_POINTS)) old++
    if (old === 0) return
    this.#times = this.#times.slice(old)
    this.#values = this.#values.slice(old)
  }
}
