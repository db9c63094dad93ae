import type { Outlet } from '../hub/send-queue.ts'

/** What a session asks of its connection; http/socket-transport.ts implements it. */
export interface Transport extends Outlet {
  /** Go on, or stop, taking what the client sends. */
  setReading (on: boolean): void
  /** Ends the connection when the client takes no byte for so long; 0 ends the watch. */
  watchStall (timeoutMs: number): void
  ping (): void
  /** Part of a message has come, and the rest has not. */
  readonly isMidMessage: boolean
  /**
   * A closing handshake (RFC 6455 section 7).
   * @param maxBytes of the client's that are read after that, its half of the handshake among them; where it is not
   * given, as many as one that means well may have on its way
   */
  close (code: number, reason: string, maxBytes?: number): void
  /** Ends the connection without one. */
  terminate (): void
}
