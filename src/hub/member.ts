import { type Cursor, formatCursor } from '../protocol/cursor.ts'
import type { Reply } from '../protocol/messages.ts'
import type { Batch } from './batch.ts'
import { replyFrame, type Sent } from './frame.ts'
import type { Page, Room } from './room.ts'
import type { GapReason } from '../protocol/entry.ts'
import type { SendQueue } from './send-queue.ts'
import { Withheld } from './withheld.ts'

/**
 * `live`: gets frames as they come. `behind`: its queue was full, so nothing more is queued for it until the
 * socket drains. `reading`: reads on from its place, out of the ring or the log, until it is live again. `held`: is
 * being given another place, and gets nothing until it has it.
 */
type MemberState = 'live' | 'behind' | 'reading' | 'held' | 'gone'

/** What a member has missed, up to a place, or why it cannot have it. */
interface Missed {
  readonly top: Cursor
  readonly replay: readonly Sent[]
  readonly gap?: GapReason | undefined
}

/** Lets a connection's members read the log one after the other; session/gate.ts is one. */
interface Turnstile {
  /** Undefined where it may go on at once. */
  enter (): Promise<void> | undefined
  leave (): void
}

const MAX_TRIES = 3

/** The connection that a member belongs to, and shares with its members of other rooms. */
export interface MemberOwner {
  readonly connection: string
  readonly user: string
  readonly queue: SendQueue
  /** Lets one of them read at a time. */
  readonly reads: Turnstile
}

/** One connection in one room: how far it has got, and how it gets on. */
export class Member {
  readonly room: Room
  readonly #owner: MemberOwner
  #state: MemberState = 'live'
  #last: Cursor | undefined
  #missed = 0
  // Asked to read on while it did: what was read may be of before that.
  #again = false
  // How many hold it: its connection, which waits for a cursor, and the join that brings one may at the same time.
  #holds = 0
  // Counts the times it began to read on: what an earlier one still waits for is nothing to it any more.
  #reading = 0
  // Made when something comes into it: most members are idle, and there are many.
  #withheld: Withheld | undefined

  /** @param last the place from which it reads on; undefined in `live` rooms, which have none */
  constructor (owner: MemberOwner, room: Room, last: Cursor | undefined) {
    this.#owner = owner
    this.room = room
    this.#last = last
  }

  get #queue (): SendQueue {
    return this.#owner.queue
  }

  /** The newest message of the room that this connection has got. */
  get last (): Cursor | undefined {
    return this.#last
  }

  /** A numbered frame, in the room's order; and where it is in the room's batch. */
  offer (sent: Sent, batch: Batch, index: number): void {
    // While it reads, or waits for its socket, it will come by this frame by itself.
    if (this.#state !== 'live') return
    const last = this.#last!
    if (sent.seq === last.seq + 1 && sent.prev === last.id) this.#takeLive(sent, batch, index)
    else if (sent.seq > last.seq || sent.epoch !== last.epoch) this.readOn()
    // Otherwise it was replayed to this member already: the read ran ahead of the live copies.
  }

  /** A frame without a number: what a full queue cannot take is lost, and counted in a `live` room. */
  signal (batch: Batch, index: number, bytes: number, except: string | undefined): void {
    if (this.#state === 'gone') return
    if (this.#owner.connection === except) this.#withheld?.passSignals()
    else if (this.#queue.isFull) this.#missed++
    else {
      this.#queue.pushFrom(batch, index, bytes)
      this.room.counts.deliveries++
    }
  }

  /** Of who comes and goes: what a full queue cannot take is lost, and whoever wants to know asks for `members`. */
  mayBeTold (exceptUser: string | undefined): boolean {
    return this.#state !== 'gone' && !this.#queue.isFull && this.#owner.user !== exceptUser
  }

  tell (batch: Batch, index: number, bytes: number): void {
    this.#queue.pushFrom(batch, index, bytes)
  }

  /** The socket has drained: go on from where this member stopped. */
  drained (): void {
    if (this.#state === 'behind') this.readOn()
    if (this.#missed > 0 && this.room.kind === 'live') {
      this.#reply({ type: 'gap', room: this.room.name, reason: 'slow', missed: this.#missed })
      this.room.counts.gaps.slow++
    }
    this.#missed = 0
  }

  /** Reads on from the member's place until it is live: the ring where it reaches, else page by page. */
  readOn (): void {
    if (this.#state === 'gone' || this.#state === 'held') return
    this.#again = this.#state === 'reading'
    if (this.#again) return
    this.#become('reading')
    const reading = ++this.#reading
    const isWanted = (): boolean => this.#state === 'reading' && this.#reading === reading
    this.#catchUp(isWanted).catch((error: unknown) => {
      // The room was given up, and its members with it.
      if (isWanted()) throw error
    })
  }

  /** It joins again from another place: nothing more comes until it is moved there. */
  hold (): void {
    if (this.#state === 'gone') return
    this.#holds++
    this.#become('held')
  }

  /** What it has missed while it was held, or why it cannot have it. */
  advance ({ replay, gap, top }: Missed): void {
    if (gap !== undefined) this.#tellGap(gap, top)
    for (const sent of replay) this.#send(sent)
  }

  /** Goes on from this place; or where there is none from where it was held, when nobody else holds it any more. */
  release (place: Cursor | undefined): void {
    if (this.#state !== 'held') return
    this.#holds = place === undefined ? this.#holds - 1 : 0
    if (this.#holds > 0) return
    this.#become('live')
    if (place !== undefined) {
      // What it waited for in another log cannot come any more; what lies before this place has been sent.
      const settled = this.#last?.epoch === place.epoch ? place.seq : Infinity
      this.#last = place
      this.#withheld?.reached(settled)
    }
    this.readOn()
  }

  /** What this connection is answered in the place of its own frames. */
  get withheld (): Withheld {
    this.#withheld ??= new Withheld()
    return this.#withheld
  }

  /** An entry that is withheld is stored: it is answered as soon as this member has got there, or no longer can. */
  stored (place: Cursor): void {
    const last = this.#last
    const isSameLog = last?.epoch === place.epoch
    const isReached = last === undefined || (isSameLog && last.seq >= place.seq)
    if (this.#state === 'gone' || isReached) this.withheld.pass(place)
    // Where the log is another one now, this member will be told so by a gap, and first.
    else this.withheld.passAt(isSameLog ? place.seq : Infinity, place)
  }

  /** The subscription was lost: what was on its way will not come. */
  loseSignals (): void {
    this.#withheld?.passSignals(Infinity)
  }

  leave (): void {
    this.#become('gone')
    this.loseSignals()
    this.#withheld?.reached(Infinity)
  }

  #become (state: MemberState): void {
    const { counts } = this.room
    if (this.#state === 'behind') counts.behind--
    if (state === 'behind') {
      counts.behind++
      counts.fellBehind++
    }
    this.#state = state
  }

  async #catchUp (isWanted: () => boolean): Promise<void> {
    let isAtTop = false
    let triesLeft = MAX_TRIES
    for (;;) {
      const recent = this.room.recent(this.#last!)
      if (recent !== undefined) {
        if (this.#take(recent)) this.#become('live')
        return
      }
      // The ring is still short of this place, or is of another log: its own check will notice. Where it has gone past
      // this place while the log was read, the log has more.
      if (isAtTop && (!this.#isPassed() || --triesLeft === 0)) {
        this.#become('live')
        return
      }
      const page = await this.#readPage(isWanted)
      if (page === undefined || !isWanted()) return
      if (page.gap !== undefined) this.#skip(page)
      else if (!this.#take(page.entries.map((entry) => this.room.sent(entry)))) return
      isAtTop = page.gap === undefined && page.entries.length === 0 && !this.#again
    }
  }

  /** Continuity ended here; go on from the log's top. What was waited for on the other side cannot come any more. */
  #skip ({ gap, top, entries }: Page): void {
    this.#tellGap(gap!, top)
    for (const entry of entries) this.#queue.push(this.room.sent(entry).frame)
    this.room.counts.deliveries += entries.length
    this.#last = top
    this.#withheld?.reached(Infinity)
  }

  #takeLive (sent: Sent, batch: Batch, index: number): void {
    if (this.#queue.isFull) this.#become('behind')
    else if (sent.except === this.#owner.connection) this.#send(sent)
    else {
      this.#queue.pushFrom(batch, index, sent.frame.length)
      this.room.counts.deliveries++
      this.#reached(sent)
    }
  }

  /** Queues frames while there is room for them; false where it fell behind, because some had to wait. */
  #take (frames: readonly Sent[]): boolean {
    for (const sent of frames) {
      if (this.#queue.isFull) {
        this.#become('behind')
        return false
      }
      this.#send(sent)
    }
    return true
  }

  #send (sent: Sent): void {
    if (sent.except === this.#owner.connection) this.#withheld?.pass(sent)
    else {
      this.#queue.push(sent.frame)
      this.room.counts.deliveries++
    }
    this.#reached(sent)
  }

  #reached (sent: Sent): void {
    this.#last = sent
    this.#withheld?.reached(sent.seq)
  }

  /** A page may be a megabyte: a connection reads one at a time, and none that could not be sent. */
  async #readPage (isWanted: () => boolean): Promise<Page | undefined> {
    const turn = this.#owner.reads.enter()
    if (turn !== undefined) await turn
    try {
      if (!isWanted()) return undefined
      if (this.#queue.isFull) {
        this.#become('behind')
        return undefined
      }
      this.#again = false
      return await this.room.backlog.after(this.#last!)
    } finally {
      this.#owner.reads.leave()
    }
  }

  #isPassed (): boolean {
    return this.room.top.epoch === this.#last!.epoch && this.room.top.seq > this.#last!.seq
  }

  #tellGap (reason: GapReason, top: Cursor): void {
    this.#reply({ type: 'gap', room: this.room.name, reason, cursor: formatCursor(top), seq: top.seq })
    this.room.counts.gaps[reason]++
  }

  #reply (reply: Reply): void {
    this.#queue.push(replyFrame(reply))
  }
}
