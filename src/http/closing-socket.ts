import { WebSocket } from 'ws'

/**
 * A socket that knows with which code it was closed here: by us, or by ws where a frame breaks the rules. What ws tells
 * at the end is what the other side answered: nothing (1006) from one that is silent, or that is read no further. Its
 * event `closing` comes with the code when that is sent.
 */
export class ClosingSocket extends WebSocket {
  /** Of the close frame that was sent: the client's own, where it was the first to close. */
  sentCode: number | undefined

  override close (code?: number, data?: string | Buffer): void {
    const isFirst = this.readyState === this.OPEN
    if (isFirst) this.sentCode = code
    super.close(code, data)
    if (isFirst) this.emit('closing', code)
  }
}
