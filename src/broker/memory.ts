import type { Envelope, IdempotencyKey, OutgoingSignal } from '../protocol/entry.ts'
import type { Broker, BrokerListener, SignalOutcome } from './broker.ts'
import { DedupeMemory } from './dedupe.ts'
import { digestOf } from './digest.ts'

/** What replicas in one process share instead of Redis. The embedded gateway has a bus to itself. */
export class MemoryBus {
  readonly dedupe = new DedupeMemory()
  readonly #brokers = new Set<MemoryBroker>()

  attach (broker: MemoryBroker): void {
    this.#brokers.add(broker)
  }

  detach (broker: MemoryBroker): void {
    this.#brokers.delete(broker)
  }

  /**
   * To every broker that is subscribed now, later in this turn of the loop: never within the publisher's own
   * call, as with Redis.
   */
  publish (room: string, envelope: Envelope): void {
    for (const broker of this.#brokers) {
      if (broker.isSubscribed(room)) queueMicrotask(() => broker.hear(room, envelope))
    }
  }
}

/** The embedded broker: one process, no Redis, the same promises. */
export class MemoryBroker implements Broker {
  readonly isUp = true
  readonly #bus: MemoryBus
  readonly #rooms = new Set<string>()
  #listener: BrokerListener | undefined

  constructor (bus: MemoryBus) {
    this.#bus = bus
  }

  start (listener: BrokerListener): void {
    this.#listener = listener
    this.#bus.attach(this)
  }

  async subscribe (room: string): Promise<void> {
    this.#rooms.add(room)
  }

  async unsubscribe (room: string): Promise<void> {
    this.#rooms.delete(room)
  }

  async publish (room: string, signal: OutgoingSignal, key?: IdempotencyKey): Promise<SignalOutcome> {
    const { sent, ...rest } = signal
    const content = Buffer.from(signal.content)
    if (key !== undefined) {
      const digest = digestOf('signal', sent ?? content)
      const seen = this.#bus.dedupe.find(room, key, digest)
      if (seen !== undefined) return seen === 'key_reused' ? 'key_reused' : 'duplicate'
      this.#bus.dedupe.remember(room, key, digest, undefined)
    }
    this.#bus.publish(room, { kind: 'signal', signal: { ...rest, content } })
    return 'published'
  }

  async stop (): Promise<void> {
    this.#bus.detach(this)
    this.#rooms.clear()
  }

  isSubscribed (room: string): boolean {
    return this.#rooms.has(room)
  }

  hear (room: string, envelope: Envelope): void {
    if (this.#rooms.has(room)) this.#listener?.onEnvelope(room, envelope)
  }
}
