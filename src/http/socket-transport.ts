import type { Socket } from 'node:net'
import type { Deflater } from '../hub/deflater.ts'
import type { Frame } from '../hub/frame.ts'
import type { Transport } from '../session/transport.ts'
import type { ClosingSocket } from './closing-socket.ts'
import { StallWatch } from './stall-watch.ts'

/** What ws keeps to itself of what it has received; a test goes red where it is called otherwise one day. */
interface Receiving {
  readonly _receiver: { readonly _state: number, readonly _fragmented: number, readonly _bufferedBytes: number }
}

// Of its states the one in which it waits for a frame.
const BETWEEN_FRAMES = 0

/** As much of a send queue as is asked for here. */
interface Drained { drained (): void }

/**
 * A session's way to its client. Frames go to the TCP socket as they are, past ws: they were built once for
 * everyone. ws writes its own control frames to the same socket, each in one piece, so whole frames alternate.
 */
export class SocketTransport implements Transport {
  readonly #ws: ClosingSocket
  readonly #socket: Socket
  readonly deflater: Deflater | undefined
  #queue: Drained | undefined
  // Made when it is needed: most clients never stall.
  #stall: StallWatch | undefined

  /** @param deflater for clients that negotiated permessage-deflate */
  constructor (ws: ClosingSocket, socket: Socket, deflater: Deflater | undefined) {
    this.#ws = ws
    this.#socket = socket
    this.deflater = ws.extensions === '' ? undefined : deflater
  }

  /** @param queue told when the kernel has taken all that was written */
  start (queue: Drained): void {
    this.#queue = queue
  }

  get pendingBytes (): number {
    return this.#socket.writableLength
  }

  write (bytes: Frame, isAwaited: boolean): void {
    // After a close frame nothing may follow (RFC 6455 section 5.5.1).
    if (this.#ws.readyState !== this.#ws.OPEN || this.#socket.destroyed) return
    // Each callback costs a tick of its own.
    if (isAwaited) this.#socket.write(bytes, () => this.#taken())
    else this.#socket.write(bytes)
  }

  writePieces (pieces: readonly Frame[], isAwaited: boolean): void {
    // One call to the kernel for all (writev).
    this.#socket.cork()
    pieces.forEach((piece, index) => this.write(piece, isAwaited && index === pieces.length - 1))
    this.#socket.uncork()
  }

  #taken (): void {
    if (this.#socket.writableLength === 0) this.#queue?.drained()
  }

  setReading (on: boolean): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return
    if (on) this.#ws.resume()
    else this.#ws.pause()
  }

  watchStall (timeoutMs: number): void {
    this.#stall ??= new StallWatch(this.#socket)
    this.#stall.watch(timeoutMs)
  }

  get isMidMessage (): boolean {
    const { _state, _fragmented, _bufferedBytes } = (this.#ws as unknown as Receiving)._receiver
    return _fragmented > 0 || _state !== BETWEEN_FRAMES || _bufferedBytes > 0
  }

  ping (): void {
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.ping()
  }

  close (code: number, reason: string, maxBytes?: number): void {
    this.#ws.close(code, reason, maxBytes)
  }

  terminate (): void {
    this.#ws.terminate()
  }
}
