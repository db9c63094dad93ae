import type { Socket } from 'node:net'

/** What Node keeps to itself of a socket; a test goes red where it is called otherwise one day. */
interface Writing {
  readonly _handle?: { readonly bytesWritten?: number, readonly writeQueueSize?: number } | null
}

/**
 * Ends a socket whose peer takes no byte for so long. Node's own timeout of a socket begins anew with each byte that
 * comes, too: whoever sends one now and then, and reads nothing, would never be ended.
 */
export class StallWatch {
  readonly #socket: Socket
  readonly #onStall: () => void
  #timer: NodeJS.Timeout | undefined
  #takenBytes = 0

  constructor (socket: Socket, onStall = (): void => {}) {
    this.#socket = socket
    this.#onStall = onStall
    socket.once('close', () => clearInterval(this.#timer))
  }

  /** @param timeoutMs 0 ends the watch */
  watch (timeoutMs: number): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    if (timeoutMs === 0) return
    this.#takenBytes = this.#written.takenBytes
    this.#timer = setInterval(() => this.#check(), timeoutMs)
  }

  /** By the kernel, of all there was; and what it leaves. What Node itself holds back begins when nothing is left. */
  get #written (): { takenBytes: number, leftBytes: number } {
    const { bytesWritten = 0, writeQueueSize = 0 } = (this.#socket as Writing)._handle ?? {}
    return { takenBytes: bytesWritten - writeQueueSize, leftBytes: writeQueueSize }
  }

  #check (): void {
    const { takenBytes, leftBytes } = this.#written
    if (leftBytes > 0 && takenBytes === this.#takenBytes) {
      this.#onStall()
      this.#socket.destroy()
    }
    this.#takenBytes = takenBytes
  }
}
