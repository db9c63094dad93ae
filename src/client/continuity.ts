import { epochOf, type Frame, POSITION } from './frames.ts'
import type { Gap } from './types.ts'

interface Place { readonly epoch: string, readonly seq: number, readonly cursor: string }

/**
 * `deliver`: it is next. `drop`: it was here before. `doubt`: it cannot be next, or is not what was here before; join
 * again from `cursor`, take nothing until then, and the gateway will say what is true.
 */
export type Verdict = 'deliver' | 'drop' | 'doubt'

const REMEMBERED = 1_000

/** What of a room's frames is new to the application, and where something is missing. Pure: frames in, verdicts out. */
export class Continuity {
  /** Only the newest value counts: numbers may jump. The wire does not say so; the first join that shows it does. */
  isLatest: boolean
  /** Neither numbers nor cursors. */
  isLive = false
  /** Of a gap that no message has told of yet. */
  #untold: Gap | undefined
  #last: Place | undefined
  #replay = 0
  #pending: Frame | undefined
  #isDoubting = false
  #healedAt: string | undefined
  readonly #room: string
  readonly #history: number
  readonly #onGap: (gap: Gap) => void
  // Cursors of what was here before, where history may bring it again (after a failover numbers do not tell), and of
  // messages of our own that nobody wants to see.
  readonly #known = new Set<string>()

  constructor (room: string, history: number, since: string | undefined, onGap: (gap: Gap) => void) {
    this.#room = room
    this.#history = history
    this.#onGap = onGap
    this.isLatest = room === POSITION
    if (since !== undefined) this.#last = placeOf(since)
  }

  /** Where to resume from. */
  get cursor (): string | undefined {
    return this.#last?.cursor
  }

  get seq (): number | undefined {
    return this.#last?.seq
  }

  /** For the message that is delivered now. */
  takeGap (): Gap | undefined {
    const gap = this.#untold
    this.#untold = undefined
    return gap
  }

  /**
   * The room was joined.
   * @param since what was asked for
   * @returns false where it must be asked for again, from what has come meanwhile on another connection
   */
  joined ({ cursor, replay = 0, recovered }: Frame, since: string | undefined): boolean {
    const last = this.#last
    this.#pending = undefined
    this.isLive = cursor === undefined
    if (cursor === undefined) {
      this.#last = undefined
      return true
    }
    if (last !== undefined && last.cursor !== since && (recovered === false || since === undefined)) return false
    const top = placeOf(cursor)
    this.#replay = replay
    if (since === undefined) {
      if (replay === 1 && this.#history === 0) this.isLatest = true
      if (replay === 0) this.#last = top
    } else if (recovered !== false) this.#resumed(top, placeOf(since), replay)
    return true
  }

  #resumed (top: Place, since: Place, replay: number): void {
    if (replay !== top.seq - since.seq) this.isLatest = true
    const last = this.#last ??= since
    const wasDoubting = this.#isDoubting
    this.#isDoubting = false
    if (wasDoubting) {
      this.#healedAt = last.cursor
      if (!this.isLatest) this.#tell('hole', last, top, true)
    }
    if (replay === 0 && top.seq > last.seq) this.#last = top
  }

  gap (frame: Frame): void {
    this.#isDoubting = false
    const { reason = '', cursor, missed } = frame
    // A history follows, which may reach back to what is here.
    if (this.#replay > 0) {
      this.#pending = frame
      return
    }
    const to = cursor === undefined ? undefined : placeOf(cursor)
    this.#tell(reason, this.#last, to, false, missed)
    this.#last = to ?? this.#last
  }

  message (cursor: string): Verdict {
    const place = placeOf(cursor)
    if (this.#replay > 0) this.#replay--
    if (this.#pending !== undefined) this.#bridge(this.#pending, place)
    const last = this.#last
    const step = last?.epoch === place.epoch ? place.seq - last.seq : NaN
    if (step < 0 || (step === 0 && cursor === last!.cursor)) return 'drop'
    if (last !== undefined && !(step === 1 || (step > 1 && this.isLatest))) {
      if (this.#healedAt !== last.cursor) {
        this.#isDoubting = true
        return 'doubt'
      }
      this.#tell('hole', last, { ...place, seq: place.seq - 1 }, false)
    }
    this.#last = place
    if (this.#known.has(cursor)) return 'drop'
    if (this.#history > 0) this.hide(cursor)
    return 'deliver'
  }

  /** A message of our own that nobody wants to see. */
  hide (cursor: string): void {
    this.#known.add(cursor)
    if (this.#known.size > REMEMBERED) this.#known.delete(this.#known.values().next().value!)
  }

  /** What follows a gap may reach back to what is here: then nothing was missed. */
  #bridge ({ reason = '' }: Frame, place: Place): void {
    this.#pending = undefined
    const last = this.#last
    const isSame = last?.epoch === place.epoch && (reason === 'trimmed' || reason === 'limit')
    if (isSame && place.seq <= last!.seq + 1) return
    this.#tell(reason, last, { ...place, seq: place.seq - 1 }, false)
    this.#last = undefined
  }

  #tell (reason: string, from: Place | undefined, to: Place | undefined, healed: boolean, missed?: number): void {
    const between = from !== undefined && to?.epoch === from.epoch && to.seq > from.seq ? to.seq - from.seq : undefined
    const gap: Gap = {
      room: this.#room,
      reason: reason as Gap['reason'],
      from: from?.cursor,
      to: to?.cursor,
      missed: missed ?? between,
      healed
    }
    if (!healed) this.#untold = gap
    this.#onGap(gap)
  }
}

function placeOf (cursor: string): Place {
  return { epoch: epochOf(cursor), seq: Number(cursor.split('.')[1]), cursor }
}
