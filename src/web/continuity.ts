import type { Frame } from './frames.ts'

const REMEMBERED = 1000

/**
 * What of a room's frames is new to this page, and where something is missing. The history that follows a gap
 * repeats messages that are here already, and often reaches back to them: then nothing was missed after all.
 */
export class Continuity {
  private last: { readonly cursor: string, readonly seq: number } | undefined
  private doubt: string | undefined
  private replay = 0
  private readonly seen = new Set<string>()

  joined ({ cursor, seq, replay = 0 }: Frame): void {
    this.doubt = undefined
    this.replay = replay
    if (replay === 0 && cursor !== undefined) this.last ??= { cursor, seq: seq ?? 0 }
  }

  /** True where it is certain at once that something is missing. */
  gap ({ cursor, seq = 0, reason = '' }: Frame): boolean {
    if (this.replay > 0) {
      this.doubt = reason
      return false
    }
    const missed = this.last === undefined || cursor === undefined || cursor !== this.last.cursor
    if (cursor !== undefined) this.last = { cursor, seq }
    return missed
  }

  message ({ cursor, seq }: Frame): 'new' | 'seen' | 'after a hole' {
    if (cursor === undefined || seq === undefined) return 'new'
    if (this.replay > 0) this.replay--
    if (this.seen.has(cursor)) {
      if (cursor === this.last?.cursor) this.doubt = undefined
      return 'seen'
    }
    const hole = this.last !== undefined && this.doubt !== undefined && !this.follows(cursor, seq)
    this.doubt = undefined
    this.last = { cursor, seq }
    this.seen.add(cursor)
    if (this.seen.size > REMEMBERED) this.seen.delete(this.seen.values().next().value!)
    return hole ? 'after a hole' : 'new'
  }

  /** A number alone proves nothing after a failover that gave numbers out again. */
  private follows (cursor: string, seq: number): boolean {
    const [before, now] = [this.last!, { cursor, seq }]
    return this.doubt !== 'fork' && now.seq === before.seq + 1 && epoch(now.cursor) === epoch(before.cursor)
  }
}

/** The log that a cursor belongs to: numbers of different logs cannot be compared. */
export function epoch (cursor: string): string {
  return cursor.slice(0, cursor.indexOf('.'))
}
