/** A stored message, as the gateway has it. */
export interface Entry {
  readonly cursor: string
  readonly seq: number
  readonly content: unknown
  readonly from: string
  readonly prev: string
}

const KEY_MS = 300_000
const KEEP = 20

/** A room's log, which faults trim, fork and lose; `stored` remembers all that ever was in it. */
export class ScriptedLog {
  epoch = 'e0'
  entries: Entry[] = []
  readonly stored: Entry[] = []
  readonly lost = new Set<Entry>()
  seq = 0
  #ids = 0
  #epochs = 0
  #base: string
  readonly #keys = new Map<string, { readonly entry: Entry, readonly atMs: number }>()

  constructor () {
    this.#base = `e0.0.${this.#ids++}`
  }

  get cursor (): string {
    return this.entries.at(-1)?.cursor ?? this.#base
  }

  append (
    from: string, content: unknown, key: string | undefined, nowMs: number
  ): { entry: Entry, duplicate: boolean } {
    const known = key === undefined ? undefined : this.#keys.get(key)
    if (known !== undefined && nowMs - known.atMs < KEY_MS) return { entry: known.entry, duplicate: true }
    const prev = this.cursor
    const seq = ++this.seq
    const entry = { seq, prev, cursor: `${this.epoch}.${seq}.${this.#ids++}`, content, from }
    this.entries.push(entry)
    this.stored.push(entry)
    if (this.entries.length > KEEP) this.entries.shift()
    if (key !== undefined) this.#keys.set(key, { entry, atMs: nowMs })
    return { entry, duplicate: false }
  }

  /** All is gone: a new epoch, and no key is known. */
  lose (): void {
    this.epoch = `e${++this.#epochs}`
    this.seq = 0
    for (const entry of this.stored) this.lost.add(entry)
    this.entries = []
    this.#keys.clear()
    this.#base = `${this.epoch}.0.${this.#ids++}`
  }

  /** A failover that lost the newest: their numbers are given out again. */
  fork (count: number): void {
    const lost = this.entries.splice(Math.max(0, this.entries.length - count))
    this.seq -= lost.length
    for (const entry of lost) this.lost.add(entry)
    for (const [key, { entry }] of this.#keys) if (lost.includes(entry)) this.#keys.delete(key)
    if (this.entries.length === 0) this.#base = `${this.epoch}.${this.seq}.${this.#ids++}`
  }

  /** What follows a cursor, or why it cannot be had. */
  since (cursor: string): Entry[] | string {
    const [epoch, text] = cursor.split('.')
    const seq = Number(text)
    if (epoch !== this.epoch) return 'epoch'
    if (seq > this.seq) return 'ahead'
    if (cursor === this.cursor) return []
    const index = this.entries.findIndex((entry) => entry.seq === seq)
    if (index !== -1) return this.entries[index]!.cursor === cursor ? this.entries.slice(index + 1) : 'fork'
    const [first] = this.entries
    if (first === undefined || first.seq !== seq + 1) return 'trimmed'
    return first.prev === cursor ? this.entries.slice() : 'fork'
  }
}
