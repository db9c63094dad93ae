import type { Batch } from './batch.ts'
import type { Frame } from './frame.ts'
import { WriteCounts } from './write-counts.ts'

/** Where a connection's bytes go. The hub declares it; http/socket-transport.ts implements it on a net.Socket. */
export interface Outlet {
  /** Bytes written here that the kernel has not taken yet. */
  readonly pendingBytes: number
  /**
   * One write.
   * @param isAwaited whether this queue must be told when the kernel has taken it
   */
  write (bytes: Frame, isAwaited: boolean): void
}

/** What a queue tells of itself. */
export interface SendQueueListener {
  /** The bound was passed. */
  onFull (): void
  /** After that: the socket has taken what was written. */
  onDrained (): void
}

/** A stretch of a room's batch, which grows while the room's frames follow one another. */
interface Stretch { readonly batch: Batch, readonly from: number, to: number }

/**
 * One connection's way out: replies and room frames alike, as references to shared bytes, one write for each
 * turn of the event loop. Over `maxBytes` it is full: the replies to what is under way still queue (nothing more
 * is read from the client, and nothing more is begun), room frames are not pushed: their members fall behind.
 */
export class SendQueue {
  readonly #outlet: Outlet
  readonly #flusher: Flusher
  readonly #maxBytes: number
  readonly #listener: SendQueueListener
  #items: Array<Frame | Stretch> = []
  // The last item, where it is one that may grow.
  #stretch: Stretch | undefined
  #bytes = 0
  #frames = 0
  #full = false
  #closed = false

  constructor (outlet: Outlet, flusher: Flusher, maxBytes: number, listener: SendQueueListener) {
    this.#outlet = outlet
    this.#flusher = flusher
    this.#maxBytes = maxBytes
    this.#listener = listener
  }

  /** Bytes that wait here and in the socket. */
  get queuedBytes (): number {
    return this.#bytes + this.#outlet.pendingBytes
  }

  /** True from the moment the bound is passed until the socket has drained. */
  get isFull (): boolean {
    return this.#full
  }

  push (frame: Frame): void {
    if (this.#closed) return
    this.#stretch = undefined
    this.#enqueue(frame)
    this.#count(frame.length)
  }

  /** The frame at this index of a room's batch: other members of the room get the same bytes. */
  pushFrom (batch: Batch, index: number, frameBytes: number): void {
    if (this.#closed) return
    if (this.#stretch?.batch === batch && this.#stretch.to === index) this.#stretch.to++
    else this.#enqueue(this.#stretch = { batch, from: index, to: index + 1 })
    this.#count(frameBytes)
  }

  #enqueue (item: Frame | Stretch): void {
    if (this.#items.push(item) === 1) this.#flusher.schedule(this)
  }

  #count (bytes: number): void {
    this.#bytes += bytes
    this.#frames++
    if (!this.#full && this.queuedBytes > this.#maxBytes) {
      this.#full = true
      this.#listener.onFull()
    }
  }

  /** Writes what is queued, in one write. */
  flush (): void {
    const items = this.#items
    if (items.length === 0) return
    this.#items = []
    this.#stretch = undefined
    const bytes = items.length === 1 ? bytesOf(items[0]!) : Buffer.concat(items.map(bytesOf))
    this.#flusher.counts.wrote(this.#frames, bytes.length, this.queuedBytes)
    this.#frames = 0
    this.#bytes = 0
    this.#outlet.write(bytes, this.#full)
    // A write that the kernel took whole makes no 'drain' event.
    if (this.#full && this.#outlet.pendingBytes === 0) this.drained()
  }

  /** The socket has taken everything that was written. */
  drained (): void {
    if (!this.#full || this.queuedBytes > this.#maxBytes / 2) return
    this.#full = false
    this.#listener.onDrained()
  }

  /** Nothing more is taken; what was queued before is written out first. */
  close (): void {
    this.#closed = true
    this.flush()
  }
}

function bytesOf (item: Frame | Stretch): Frame {
  return 'batch' in item ? item.batch.bytes(item.from, item.to) : item
}

/**
 * Flushes every queue that got something: at the end of the turn, so that a frame alone leaves at once, or after a
 * while in which more can join it.
 */
export class Flusher {
  readonly counts = new WriteCounts()
  readonly #delayMs: number
  #due: SendQueue[] = []
  #after: Array<() => void> = []
  readonly #run = (): void => {
    const due = this.#due
    this.#due = []
    for (const queue of due) queue.flush()
    const after = this.#after
    this.#after = []
    for (const run of after) run()
  }

  /** @param delayMs the while; 0 for the end of the turn */
  constructor (delayMs = 0) {
    this.#delayMs = delayMs
  }

  schedule (queue: SendQueue): void {
    if (this.#due.push(queue) > 1) return
    if (this.#delayMs === 0) setImmediate(this.#run)
    else setTimeout(this.#run, this.#delayMs)
  }

  /** Runs when all that is queued now has been written; at once where nothing is. */
  afterFlush (run: () => void): void {
    if (this.#due.length === 0) run()
    else this.#after.push(run)
  }
}
