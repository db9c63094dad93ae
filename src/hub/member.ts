import { type Cursor, formatCursor } from '../protocol/cursor.ts'
import type { Reply } from '../protocol/messages.ts'
import { type Frame, replyFrame, type Sent } from './frame.ts'
import type { Room } from './room.ts'
import type { SendQueue } from './send-queue.ts'

/**
 * `live`: gets frames as they come. `behind`: its queue was full, so nothing more is queued for it until the
 * socket drains. `reading`: reads on from its place, out of the ring or the log, until it is live again.
 */
type MemberState = 'live' | 'behind' | 'reading' | 'gone'

interface Waiting { readonly seq: number, readonly run: () => void }

/** One connection in one room: how far it has got, and how it gets on. */
export class Member {
  readonly connection: string
  readonly room: Room
  readonly #queue: SendQueue
  readonly #onWithheld: (sent: Cursor) => void
  #state: MemberState = 'live'
  #last: Cursor | undefined
  #missed = 0
  #waiting: Waiting[] = []

  /**
   * @param last the place from which it reads on; undefined in `live` rooms, which have none
   * @param onWithheld called in the place of a frame that this connection wanted no echo of
   */
  constructor (
    connection: string, queue: SendQueue, room: Room, last: Cursor | undefined, onWithheld: (sent: Cursor) => void
  ) {
    this.connection = connection
    this.room = room
    this.#queue = queue
    this.#last = last
    this.#onWithheld = onWithheld
  }

  /** The newest message of the room that this connection has got. */
  get last (): Cursor | undefined {
    return this.#last
  }

  /** A numbered frame, in the room's order. */
  offer (sent: Sent): void {
    if (this.#state !== 'live') {
      if (this.#state === 'behind' && !this.#queue.isFull) this.readOn()
      return
    }
    const last = this.#last!
    if (sent.seq === last.seq + 1 && sent.prev === last.id) this.#take([sent])
    else if (sent.seq > last.seq || sent.epoch !== last.epoch) this.readOn()
    // Otherwise it was replayed to this member already: the read ran ahead of the live copies.
  }

  /** A frame without a number: what a full queue cannot take is lost, and counted in a `live` room. */
  signal (frame: Frame, except: string | undefined): void {
    if (this.#state === 'gone' || this.connection === except) return
    if (this.#queue.isFull) this.#missed++
    else this.#queue.push(frame)
  }

  /** The socket has drained: go on from where this member stopped. */
  drained (): void {
    if (this.#state === 'behind') this.readOn()
    if (this.#missed > 0 && this.room.kind === 'live') {
      this.#reply({ type: 'gap', room: this.room.name, reason: 'slow', missed: this.#missed })
    }
    this.#missed = 0
  }

  /** Reads on from the member's place until it is live: the ring where it reaches, else page by page. */
  readOn (): void {
    if (this.#state === 'reading' || this.#state === 'gone') return
    this.#state = 'reading'
    this.#catchUp().catch(() => {
      // Redis is away. The room's next frame, or its restoration, tries again.
      if (this.#state === 'reading') this.#state = 'behind'
    })
  }

  /** Runs as soon as this member has got the room's message `seq`, or can no longer get it. */
  whenReached (seq: number, run: () => void): void {
    if (this.#state === 'gone' || this.#last === undefined || this.#last.seq >= seq) run()
    else this.#waiting.push({ seq, run })
  }

  /** Starts again from another place (after a replay), where it is further on than this member. */
  skipTo (place: Cursor): void {
    this.#last = place
    this.#settle()
  }

  leave (): void {
    this.#state = 'gone'
    this.#settle()
  }

  async #catchUp (): Promise<void> {
    for (;;) {
      const recent = this.room.recent(this.#last!)
      if (recent !== undefined) {
        this.#state = this.#take(recent) ? 'live' : 'behind'
        return
      }
      const page = await this.room.backlog.after(this.#last!)
      if (this.#state !== 'reading') return
      if (page.gap !== undefined) {
        this.#reply({
          type: 'gap',
          room: this.room.name,
          reason: page.gap,
          cursor: formatCursor(page.top),
          seq: page.top.seq
        })
        this.skipTo(page.top)
        for (const entry of page.entries) this.#queue.push(this.room.sent(entry).frame)
      } else if (page.entries.length === 0) {
        // At the log's top, and the room's ring is of another log: its own check will notice.
        this.#state = 'live'
        return
      } else if (!this.#take(page.entries.map((entry) => this.room.sent(entry)))) {
        this.#state = 'behind'
        return
      }
    }
  }

  /** Queues frames while there is room for them; false where some had to wait. */
  #take (frames: readonly Sent[]): boolean {
    for (const sent of frames) {
      if (this.#queue.isFull) {
        this.#state = 'behind'
        return false
      }
      if (sent.except === this.connection) this.#onWithheld(sent)
      else this.#queue.push(sent.frame)
      this.#last = sent
      if (this.#waiting.length > 0) this.#settle()
    }
    return true
  }

  #settle (): void {
    const seq = this.#state === 'gone' ? Infinity : this.#last!.seq
    const due = this.#waiting.filter((waiting) => waiting.seq <= seq)
    this.#waiting = this.#waiting.filter((waiting) => waiting.seq > seq)
    for (const waiting of due) waiting.run()
  }

  #reply (reply: Reply): void {
    this.#queue.push(replyFrame(reply))
  }
}
