import type { Cursor } from '../protocol/cursor.ts'

/** An entry whose place is known, and the number that the member must have got to. */
interface Stored { readonly seq: number, readonly cursor: Cursor }

/**
 * What a connection is answered in the place of frames of its own that it wants no echo of: of entries, which have an
 * id before they are stored, and of signals, which have nothing but their order.
 */
export class Withheld {
  // By the entry's id.
  readonly #entries = new Map<string, (cursor: Cursor) => void>()
  #stored: Stored[] = []
  readonly #signals: Array<() => void> = []

  entry (id: string, answer: (cursor: Cursor) => void): void {
    this.#entries.set(id, answer)
  }

  /** Forgets it again; false where it has been answered. */
  forgetEntry (id: string): boolean {
    return this.#entries.delete(id)
  }

  /** The place of an entry has come: it is answered, once. */
  pass (cursor: Cursor): void {
    const answer = this.#entries.get(cursor.id)
    this.#entries.delete(cursor.id)
    answer?.(cursor)
  }

  /** The same as soon as this number is reached. */
  passAt (seq: number, cursor: Cursor): void {
    this.#stored.push({ seq, cursor })
  }

  /** The member has got to this number: Infinity where it can get no further. */
  reached (seq: number): void {
    if (this.#stored.length === 0) return
    const due = this.#stored.filter((stored) => stored.seq <= seq)
    this.#stored = this.#stored.filter((stored) => stored.seq > seq)
    for (const { cursor } of due) this.pass(cursor)
  }

  signal (answer: () => void): void {
    this.#signals.push(answer)
  }

  /** Forgets it again; false where it has been answered. */
  forgetSignal (answer: () => void): boolean {
    const index = this.#signals.indexOf(answer)
    if (index >= 0) this.#signals.splice(index, 1)
    return index >= 0
  }

  /** A signal of this connection's own has come, or so many will not come: the oldest are answered. */
  passSignals (count = 1): void {
    for (const answer of this.#signals.splice(0, count)) answer()
  }
}
