import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { WebSocket } from 'ws'

/** What ws keeps to itself; a test goes red where it is called otherwise one day. */
interface Wired {
  readonly _socket: Socket
  readonly _closeFrameReceived: boolean
  readonly _receiver: Pick<Writable, '_write'> & { _buffers: Buffer[], _bufferedBytes: number }
}

// As much as a client that means well may have on its way when it hears of the close; its close frame is behind that.
const AFTER_CLOSE_BYTES = 262_144

/** A Writable's own `_write` that throws the bytes away. */
const drop: Writable['_write'] = (_chunk, _encoding, done) => { done() }

/**
 * A socket that knows with which code it was closed here: by us, or by ws where a frame breaks the rules. What ws tells
 * at the end is what the other side answered: nothing (1006) from one that is silent, or that is read no further.
 */
export class ClosingSocket extends WebSocket {
  /** Of the close frame that was sent: the client's own, where it was the first to close. */
  sentCode: number | undefined
  /** This side was the first to close. */
  isClosedHere: boolean | undefined
  /**
   * Called with the code when that is sent, where this side is the first to close. No event: one kind more of them
   * would cost each connection 192 bytes.
   */
  whenClosing: ((this: ClosingSocket, code: number | undefined) => void) | undefined

  /** @param maxBytes that are read after it; 0 where not even the other side's close frame is waited for */
  override close (code?: number, data?: string | Buffer, maxBytes = AFTER_CLOSE_BYTES): void {
    const isFirst = this.readyState === this.OPEN
    if (isFirst) this.sentCode = code
    super.close(code, data)
    if (!isFirst) return
    this.#hear(maxBytes)
    // Otherwise it is the client's own code, which says nothing of what it has done.
    this.isClosedHere = !this.#wired._closeFrameReceived
    if (this.isClosedHere) this.whenClosing?.(code)
  }

  /** Whoever pours on would be read at full speed for as long as ws waits for the other side's close frame. */
  #hear (maxBytes: number): void {
    let leftBytes = maxBytes
    this.#wired._socket.on('data', ({ length }: Buffer) => {
      leftBytes -= length
      // Each time: ws reads on by itself where it finds an error in what came before.
      if (leftBytes < 0) this.pause()
    })
    const { _receiver: receiver } = this.#wired
    // It may have been read from no more, because its replies wait: its close frame would never be seen.
    if (maxBytes > 0 && receiver._bufferedBytes <= maxBytes) return this.resume()
    this.pause()
    // What has come already is not parsed either: 64 KB of small requests are a thousand turns of the loop.
    receiver._buffers = []
    receiver._bufferedBytes = 0
    receiver._write = drop
  }

  get #wired (): Wired {
    return this as unknown as Wired
  }
}
