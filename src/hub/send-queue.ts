import type { Batch } from './batch.ts'
import type { Deflater } from './deflater.ts'
import type { Flusher } from './flusher.ts'
import { type Frame, joinSmall, LARGE_BYTES } from './frame.ts'

/** Where a connection's bytes go. The hub declares it; http/socket-transport.ts implements it on a net.Socket. */
export interface Outlet {
  /** Bytes written here that the kernel has not taken yet. */
  readonly pendingBytes: number
  /** Where the client takes frames compressed. */
  readonly deflater?: Deflater | undefined
  /**
   * One write.
   * @param isAwaited whether this queue must be told when the kernel has taken it
   */
  write (bytes: Frame, isAwaited: boolean): void
  /** The same of several pieces, which need not be copied together; where it is not there, they are. */
  writePieces? (pieces: readonly Frame[], isAwaited: boolean): void
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
  // Made when something comes into it: most queues are empty, and there are many.
  #items: Array<Frame | Stretch> | undefined
  // The last item, where it is one that may grow.
  #stretch: Stretch | undefined
  #bytes = 0
  #frames = 0
  // What the socket held when this was last asked. Between two flushes that only gets less, and to ask costs a walk
  // through three objects for each frame and member.
  #pendingBytes = 0
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
    this.#pendingBytes = this.#outlet.pendingBytes
    return this.#bytes + this.#pendingBytes
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

  /** One frame, whose large pieces are not copied. */
  pushPieces (pieces: readonly Frame[]): void {
    const { deflater, writePieces } = this.#outlet
    if (deflater !== undefined || writePieces === undefined) return this.push(Buffer.concat(pieces))
    if (this.#closed) return
    this.#stretch = undefined
    for (const piece of pieces) this.#enqueue(piece)
    this.#count(pieces.reduce((bytes, { length }) => bytes + length, 0))
  }

  /** The frame at this index of a room's batch: other members of the room get the same bytes. */
  pushFrom (batch: Batch, index: number, frameBytes: number): void {
    if (this.#closed) return
    if (this.#stretch?.batch === batch && this.#stretch.to === index) this.#stretch.to++
    else this.#enqueue(this.#stretch = { batch, from: index, to: index + 1 })
    this.#count(frameBytes)
  }

  #enqueue (item: Frame | Stretch): void {
    if (this.#items !== undefined) return void this.#items.push(item)
    this.#items = [item]
    this.#flusher.schedule(this)
  }

  #count (bytes: number): void {
    this.#bytes += bytes
    this.#frames++
    if (!this.#full && this.#bytes + this.#pendingBytes > this.#maxBytes && this.queuedBytes > this.#maxBytes) {
      this.#full = true
      this.#listener.onFull()
    }
  }

  /** Writes what is queued, in one write. */
  flush (): void {
    const items = this.#items
    if (items === undefined) return
    this.#items = undefined
    this.#stretch = undefined
    const { deflater } = this.#outlet
    // Without an array for the one that most connections get: this is done for every one of a room.
    if (items.length === 1) this.#write(bytesOf(items[0]!, deflater))
    else this.#writeAll(items.map((item) => bytesOf(item, deflater)))
    this.#pendingBytes = this.#outlet.pendingBytes
    // A write that the kernel took whole makes no 'drain' event.
    if (this.#full && this.#pendingBytes === 0) this.drained()
  }

  #write (bytes: Frame): void {
    this.#countWritten(bytes.length)
    this.#outlet.write(bytes, this.#full)
  }

  /** In as few pieces as can be had without a copy of what is large. */
  #writeAll (parts: readonly Frame[]): void {
    const mayBePieces = this.#outlet.writePieces !== undefined && parts.some(({ length }) => length >= LARGE_BYTES)
    if (!mayBePieces) return this.#write(Buffer.concat(parts))
    const pieces = joinSmall(parts)
    this.#countWritten(pieces.reduce((bytes, { length }) => bytes + length, 0))
    this.#outlet.writePieces!(pieces, this.#full)
  }

  #countWritten (bytes: number): void {
    this.#flusher.counts.wrote(this.#frames, bytes, this.queuedBytes)
    this.#frames = 0
    this.#bytes = 0
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

function bytesOf (item: Frame | Stretch, deflater: Deflater | undefined): Frame {
  if ('batch' in item) return item.batch.bytes(item.from, item.to, deflater)
  return deflater === undefined ? item : deflater.of(item)
}
