import type { Socket } from 'node:net'

/** What Node keeps to itself of a socket; a test goes red where it is called otherwise one day. */
interface Writing { readonly _handle?: { readonly writeQueueSize?: number } | null }

/**
 * Ends a socket whose peer takes no byte for so long. Node's own timeout of a socket begins anew with each byte that
 * comes, too: whoever sends one now and then, and reads nothing, would never be ended.
 */
export class StallWatch {
  readonly #socket: Socket
  #timer: NodeJS.Timeout | undefined
  #leftBytes = 0

  constructor (socket: Socket) {
    this.#socket = socket
    socket.once('close', () => clearInterval(this.#timer))
  }

  /** @param timeoutMs 0 ends the watch */
  watch (timeoutMs: number): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    if (timeoutMs === 0) return
    this.#leftBytes = this.#unsentBytes
    this.#timer = setInterval(() => this.#check(), timeoutMs)
  }

  /** Of the write that is under way: the next one begins when the kernel has taken all of it. */
  get #unsentBytes (): number {
    return (this.#socket as Writing)._handle?.writeQueueSize ?? 0
  }

  #check (): void {
    const leftBytes = this.#unsentBytes
    if (leftBytes > 0 && leftBytes === this.#leftBytes) this.#socket.destroy()
    this.#leftBytes = leftBytes
  }
}
