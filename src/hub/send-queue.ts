import type { Frame } from './frame.ts'

/** Where a connection's bytes go. The hub declares it; http/socket-transport.ts implements it on a net.Socket. */
export interface Outlet {
  /** Bytes written here that the kernel has not taken yet. */
  readonly pendingBytes: number
  /** One write for all of them. */
  write (frames: readonly Frame[]): void
}

/** What a queue tells of itself. */
export interface SendQueueListener {
  /** The bound was passed. */
  onFull (): void
  /** After that: the socket has taken what was written. */
  onDrained (): void
}

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
  #frames: Frame[] = []
  #bytes = 0
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
    if (this.#frames.push(frame) === 1) this.#flusher.schedule(this)
    this.#bytes += frame.length
    if (!this.#full && this.queuedBytes > this.#maxBytes) {
      this.#full = true
      this.#listener.onFull()
    }
  }

  /** Writes what is queued, in one write. */
  flush (): void {
    if (this.#frames.length === 0) return
    const frames = this.#frames
    this.#frames = []
    this.#bytes = 0
    this.#outlet.write(frames)
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

/** Flushes at the end of the turn every queue that got something in it; alone, a frame leaves at once. */
export class Flusher {
  #due: SendQueue[] = []
  readonly #run = (): void => {
    const due = this.#due
    this.#due = []
    for (const queue of due) queue.flush()
  }

  schedule (queue: SendQueue): void {
    if (this.#due.push(queue) === 1) setImmediate(this.#run)
  }
}
