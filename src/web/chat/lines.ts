import type { Gap, Message } from '../../client/index.ts'

/** What was said, in the room or to everyone. */
export interface Said {
  readonly kind: 'message' | 'announcement'
  readonly id: string
  /** Rises along the conversation: those that were loaded later, and are older, are below 0. */
  readonly at: number
  readonly from: string
  readonly content: unknown
  readonly timestamp: string
  readonly seq: number | undefined
}

/** Where something is missing. */
export interface Hole { readonly kind: 'gap', readonly id: string, readonly at: number, readonly text: string }

export type Line = Said | Hole

/** As many as a page keeps of a room: the newest. */
export const MAX_LINES = 3_000

/**
 * The lines of a conversation, in order, each once. A message of our own comes as its receipt, so it may come twice,
 * and after younger ones.
 */
export class Lines {
  #all: Line[] = []
  #ids = new Set<string>()
  #ends = 0

  get all (): readonly Line[] {
    return this.#all
  }

  get isFull (): boolean {
    return this.#all.length >= MAX_LINES
  }

  /** The oldest number that is here: what came before it can be loaded. */
  get firstSeq (): number | undefined {
    for (const line of this.#all) if (line.kind === 'message' && line.seq !== undefined) return line.seq
    return undefined
  }

  /** @returns whether it is new */
  add (said: Omit<Said, 'at'>): boolean {
    if (this.#ids.has(said.id)) return false
    this.#ids.add(said.id)
    const index = this.#placeOf(said.seq)
    const at = index === this.#all.length ? this.#ends++ : this.#all[index]!.at
    this.#all.splice(index, 0, { ...said, at })
    if (this.#all.length > MAX_LINES) this.#forget()
    return true
  }

  addHole (text: string): void {
    const last = this.#all.at(-1)
    if (last === undefined || (last.kind === 'gap' && last.text === text)) return
    const at = this.#ends++
    this.#all.push({ kind: 'gap', id: `gap-${at}`, at, text })
  }

  /** Older ones, oldest first. @returns how many were not here */
  prepend (older: ReadonlyArray<Omit<Said, 'at'>>): number {
    const fresh = older.filter(({ id }) => !this.#ids.has(id))
    for (const { id } of fresh) this.#ids.add(id)
    const first = this.#all[0]?.at ?? 0
    this.#all = [...fresh.map((said, index) => ({ ...said, at: first - fresh.length + index })), ...this.#all]
    return fresh.length
  }

  /** Before the younger ones; numbers can only be compared up to the last gap. */
  #placeOf (seq: number | undefined): number {
    let place = this.#all.length
    if (seq === undefined) return place
    for (let index = place - 1; index >= 0; index--) {
      const line = this.#all[index]!
      if (line.kind === 'gap' || (line.kind === 'message' && (line.seq ?? 0) < seq)) break
      if (line.kind === 'message') place = index
    }
    return place
  }

  #forget (): void {
    for (const { id } of this.#all.splice(0, this.#all.length - MAX_LINES)) this.#ids.delete(id)
  }
}

let unnumbered = 0

export function saidOf (message: Message, kind: Said['kind'] = 'message'): Omit<Said, 'at'> {
  const { from, content, timestamp, seq, cursor } = message
  return { kind, id: cursor ?? `live-${unnumbered++}`, from, content, timestamp, seq: kind === 'message' ? seq : undefined }
}

const REASONS: Readonly<Record<string, string>> = {
  trimmed: 'older messages are not kept any more',
  limit: 'too much was said to bring it all',
  epoch: 'the room began anew',
  fork: 'the store was replaced',
  ahead: 'the store was set back',
  slow: 'this page was too slow'
}

/** Undefined where nothing is missing. */
export function holeText ({ reason, missed, healed }: Gap): string | undefined {
  if (healed) return undefined
  const what = missed === undefined ? 'Some messages are' : missed === 1 ? 'One message is' : `${missed} messages are`
  const why = REASONS[reason]
  return `${what} missing here${why === undefined ? '' : `: ${why}`}`
}
