const MAX_TEXTS = 4_096

/**
 * While two connections deliver the same rooms: which of the frames without a number are new. They are the same bytes
 * on both, so the n-th of one text is new on whichever connection it comes first.
 */
export class Overlap<Side extends object> {
  readonly #counts = new Map<string, WeakMap<Side, number>>()
  readonly #delivered = new Map<string, number>()

  isNew (side: Side, text: string): boolean {
    let counts = this.#counts.get(text)
    if (counts === undefined) {
      // Bounded: then one may be told of twice.
      if (this.#counts.size >= MAX_TEXTS) return true
      this.#counts.set(text, counts = new WeakMap())
    }
    const count = (counts.get(side) ?? 0) + 1
    counts.set(side, count)
    if (count <= (this.#delivered.get(text) ?? 0)) return false
    this.#delivered.set(text, count)
    return true
  }
}
