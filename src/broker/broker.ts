import type { Envelope, IdempotencyKey, OutgoingSignal } from '../protocol/entry.ts'

/** What a replica does with what it hears. */
export interface BrokerListener {
  /** In the order in which the room's messages were published, the same on every replica. */
  onEnvelope (room: string, envelope: Envelope): void
  /** These rooms are subscribed again after the connection was lost: what came in between was missed. */
  onRestored (rooms: readonly string[]): void
}

export type SignalOutcome = 'published' | 'duplicate' | 'key_reused'

/**
 * Replica-to-replica fan-out, one channel a room. At most once: what is published while a replica is
 * disconnected is lost to it here; the log makes up for it (log/sync.ts).
 */
export interface Broker {
  /** From now on what is heard goes to the listener. */
  start (listener: BrokerListener): void
  /** False while nothing can be published or heard. */
  readonly isUp: boolean
  /**
   * Resolves when the subscription is live, not when it was asked for: whatever anyone publishes after that
   * is heard. Rejects with BrokerError.
   */
  subscribe (room: string): Promise<void>
  /** After it resolves nothing more of the room is heard. Rejects with BrokerError. */
  unsubscribe (room: string): Promise<void>
  /**
   * Publishes what is not stored (rooms of kind `live`, and ephemerals). Resolves when it is certain to be on
   * its way to every subscriber, this replica among them. Rejects with BrokerError.
   */
  publish (room: string, signal: OutgoingSignal, key?: IdempotencyKey): Promise<SignalOutcome>
  stop (): Promise<void>
}
