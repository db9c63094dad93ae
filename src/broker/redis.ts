import { randomBytes } from 'node:crypto'
import { BrokerError } from '../protocol/codes.ts'
import type { IdempotencyKey, OutgoingSignal } from '../protocol/entry.ts'
import { ask, type RedisConnections } from '../redis/connections.ts'
import type { Keys } from '../redis/keys.ts'
import { TurnBatch } from '../redis/turn-batch.ts'
import type { Broker, BrokerListener, SignalOutcome } from './broker.ts'
import { Probe } from './probe.ts'
import { RedisSignals } from './redis-signals.ts'
import { decodeEnvelope } from './wire.ts'

const MAX_CHANNELS_PER_COMMAND = 512

/** Redis Pub/Sub, one channel a room (https://redis.io/docs/latest/develop/pubsub/). */
export class RedisBroker implements Broker {
  readonly #connections: RedisConnections
  readonly #keys: Keys
  readonly #signals: RedisSignals
  readonly #subscribes = new TurnBatch<string, true>((rooms) => this.#subscribeAll(rooms), MAX_CHANNELS_PER_COMMAND)
  readonly #probe: Probe
  readonly #probeChannel: string
  // What this replica is, or was, subscribed to: taken up again after a reconnect.
  readonly #rooms = new Set<string>()
  #listener: BrokerListener | undefined

  constructor (connections: RedisConnections, keys: Keys) {
    this.#connections = connections
    this.#keys = keys
    this.#signals = new RedisSignals(connections, keys)
    // Two processes may have been given the same name.
    this.#probeChannel = keys.probe(randomBytes(9).toString('base64url'))
    this.#probe = new Probe({
      isUp: () => connections.isReady,
      send: async (text) => {
        const { commands } = connections
        await ask(commands, () => commands.publish(this.#probeChannel, text))
      },
      rebuild: () => connections.rebuildSubscriber('it answers, and delivers nothing')
    })
  }

  start (listener: BrokerListener): void {
    this.#listener = listener
    const { subscriber } = this.#connections
    subscriber.on('messageBuffer', (channel: Buffer, payload: Buffer) => this.#hear(channel.toString(), payload))
    subscriber.on('ready', () => { void this.#resubscribe() })
    if (subscriber.status === 'ready') void this.#resubscribe()
    this.#probe.start()
  }

  #hear (channel: string, payload: Buffer): void {
    if (channel === this.#probeChannel) return this.#probe.heard(String(payload))
    const envelope = decodeEnvelope(payload)
    if (envelope !== undefined) this.#listener?.onEnvelope(this.#keys.roomOf(channel), envelope)
  }

  /** How long ago this replica last heard itself. */
  get probeAgeMs (): number {
    return this.#probe.ageMs
  }

  /** Signals, and the commands that carried them. */
  get signalCounts (): { readonly asks: number, readonly commands: number } {
    return this.#signals.counts
  }

  get isUp (): boolean {
    return this.#connections.isReady
  }

  async subscribe (room: string): Promise<void> {
    await this.#subscribes.add(room)
    this.#rooms.add(room)
  }

  async #subscribeAll (rooms: readonly string[]): Promise<true[]> {
    const { subscriber } = this.#connections
    await ask(subscriber, () => subscriber.subscribe(...rooms.map((room) => this.#keys.channel(room))))
    return rooms.map(() => true)
  }

  async unsubscribe (room: string): Promise<void> {
    this.#rooms.delete(room)
    const { subscriber } = this.#connections
    await ask(subscriber, () => subscriber.unsubscribe(this.#keys.channel(room)))
  }

  async publish (room: string, signal: OutgoingSignal, key?: IdempotencyKey): Promise<SignalOutcome> {
    return await this.#signals.publish(room, signal, key)
  }

  async stop (): Promise<void> {
    this.#probe.stop()
    this.#rooms.clear()
    this.#connections.subscriber.removeAllListeners('messageBuffer')
  }

  async #resubscribe (): Promise<void> {
    const { subscriber } = this.#connections
    const rooms = [...this.#rooms]
    try {
      await ask(subscriber, () => subscriber.subscribe(this.#probeChannel))
      for (let at = 0; at < rooms.length; at += MAX_CHANNELS_PER_COMMAND) {
        // Rooms may have been given up while an earlier batch was on its way.
        const batch = rooms.slice(at, at + MAX_CHANNELS_PER_COMMAND).filter((room) => this.#rooms.has(room))
        if (batch.length === 0) continue
        await ask(subscriber, () => subscriber.subscribe(...batch.map((room) => this.#keys.channel(room))))
        this.#listener?.onRestored(batch)
      }
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      // Half subscribed is deaf: connect anew, which starts here again.
      this.#connections.rebuildSubscriber('it could not be subscribed again')
    }
  }
}
