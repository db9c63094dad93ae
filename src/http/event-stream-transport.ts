import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Frame } from '../hub/frame.ts'
import { CLOSES, ERRORS, type Reason } from '../protocol/codes.ts'
import type { Transport } from '../session/transport.ts'
import { eventsOf } from './event-frames.ts'
import { type EventId, STOP } from './event-id.ts'
import { StallWatch } from './stall-watch.ts'

/** As much of a session as is told what became of its bytes. */
interface Listener {
  readonly queue: { drained (): void }
  heard (): void
}

// What a client waits before it comes back, where nothing is said of it. Spread, or all whose replica has died would
// come in one moment; within the grace in which a user who comes back makes no noise.
const RETRY_MS = [500, 2_500] as const
// Ends after a goodbye are spread already.
const RETRY_DRAINED_MS = 100
// Who was refused would be again.
const RETRY_REFUSED_MS = [2_000, 6_000] as const
// As ws's closeTimeout: who takes nothing more is not waited for.
const LAST_BYTES_MS = 2_000
const HEARTBEAT = ':\n\n'

/** What a stream is told of its end; a socket has a close frame for it. */
const LAST_WORDS: ReadonlyMap<number, Reason> = new Map<number, Reason>([
  [CLOSES.defect.code, 'internal'],
  [CLOSES.unauthenticated.code, 'token_expired'],
  [CLOSES.disconnected.code, 'forbidden'],
  [CLOSES.overloaded.code, 'unavailable']
])

/**
 * A session's way to a client that has an event stream (HTML Standard, section 9.2): the frames that sockets get, as
 * events with an id. It takes frames apart that were built for sockets, whose way costs nothing more for that.
 */
export class EventStreamTransport implements Transport {
  readonly #response: ServerResponse
  readonly #socket: Socket
  readonly #id: EventId
  #listener: Listener | undefined
  // Made when it is needed: most clients never stall.
  #stall: StallWatch | undefined
  #sentId: string | undefined
  #retryMs: number | undefined = within(RETRY_MS)
  #isEnding = false
  #closeCode: number | undefined

  constructor (response: ServerResponse, socket: Socket, id: EventId) {
    this.#response = response
    this.#socket = socket
    this.#id = id
  }

  start (listener: Listener): void {
    this.#listener = listener
  }

  /** What a socket's close frame would have said; undefined where it was not this side that ended it. */
  get closeCode (): number | undefined {
    return this.#closeCode
  }

  get pendingBytes (): number {
    return this.#response.writableLength
  }

  write (bytes: Frame, isAwaited: boolean): void {
    if (this.#isEnding || this.#response.destroyed) return
    const parts: Uint8Array[] = []
    let isRefused = false
    for (const event of eventsOf(bytes)) {
      this.#id.pass(event)
      isRefused ||= event.kind === 'error'
      if (event.kind === 'goodbye') this.#retryMs = RETRY_DRAINED_MS
      if (event.kind === 'error') this.#retryMs = within(RETRY_REFUSED_MS)
      this.#add(parts, event.data, this.#id.text)
    }
    const chunk = Buffer.concat(parts)
    if (isAwaited) this.#response.write(chunk, () => this.#taken())
    else this.#response.write(chunk)
    // A stream can't ask again for the room that it could not join: it comes back, and joins them all.
    if (isRefused) this.#end(CLOSES.overloaded.code)
  }

  #add (parts: Uint8Array[], data: Uint8Array, id: string): void {
    const retry = this.#retryMs === undefined ? '' : `retry: ${this.#retryMs}\n`
    const changed = id === this.#sentId ? '' : `id: ${id}\n`
    this.#retryMs = undefined
    this.#sentId = id
    parts.push(Buffer.from(`${retry}${changed}data: `, 'latin1'), data, EVENT_END)
  }

  #taken (): void {
    if (this.#response.writableLength === 0) this.#listener?.queue.drained()
  }

  /** Nothing comes from the client of a stream. */
  setReading (): void {}

  get isMidMessage (): boolean {
    return false
  }

  watchStall (timeoutMs: number): void {
    this.#stall ??= new StallWatch(this.#socket)
    this.#stall.watch(timeoutMs)
  }

  /** Nothing answers a comment: that the kernel takes it is all the life that there is to be seen. */
  ping (): void {
    if (!this.#isEnding && !this.#response.destroyed) this.#response.write(HEARTBEAT, () => this.#listener?.heard())
  }

  close (code: number, reason: string): void {
    if (this.#isEnding) return
    const last = LAST_WORDS.get(code)
    if (last !== undefined && !this.#response.destroyed) this.#sayLast(last, code, reason)
    this.#end(code)
  }

  #sayLast (reason: Reason, closeCode: number, message: string): void {
    const { code, retryable } = ERRORS[reason]
    const parts: Uint8Array[] = []
    if (closeCode !== CLOSES.unauthenticated.code) this.#retryMs = within(RETRY_REFUSED_MS)
    const id = closeCode === CLOSES.disconnected.code ? STOP : this.#id.text
    this.#add(parts, Buffer.from(JSON.stringify({ type: 'error', code, reason, message, retryable })), id)
    this.#response.write(Buffer.concat(parts))
  }

  #end (code: number): void {
    this.#isEnding = true
    this.#closeCode = code
    const forced = setTimeout(() => this.terminate(), LAST_BYTES_MS)
    this.#response.once('close', () => clearTimeout(forced))
    this.#response.end()
  }

  terminate (): void {
    this.#socket.destroy()
  }
}

const EVENT_END = Buffer.from('\n\n')

function within ([least, most]: readonly [number, number]): number {
  return Math.round(least + (most - least) * Math.random())
}
