import { type IdempotencyKey, KEY_TTL_MS, type OutgoingSignal } from '../protocol/entry.ts'
import { type RedisConnections, send } from '../redis/connections.ts'
import type { Keys } from '../redis/keys.ts'
import { Script } from '../redis/script.ts'
import { PUBLISH_SCRIPT, SIGNAL_ONCE_SCRIPT } from '../redis/scripts.ts'
import { TurnBatch } from '../redis/turn-batch.ts'
import type { Broker, SignalOutcome } from './broker.ts'
import { digestOf } from './digest.ts'
import { encodeSignal } from './wire.ts'

interface Published { readonly channel: string, readonly payload: string }

const MAX_SIGNALS = 128

/** The half of a broker that only talks: who has nothing but it can publish, and hears nothing. */
export class RedisSignals implements Pick<Broker, 'publish'> {
  readonly #connections: Pick<RedisConnections, 'commands'>
  readonly #keys: Keys
  readonly #publish = new Script(PUBLISH_SCRIPT)
  readonly #signals = new TurnBatch<Published, SignalOutcome>((published) => this.#publishAll(published), MAX_SIGNALS)
  readonly #signalOnce = new Script(SIGNAL_ONCE_SCRIPT)

  constructor (connections: Pick<RedisConnections, 'commands'>, keys: Keys) {
    this.#connections = connections
    this.#keys = keys
  }

  /** Signals, and the commands that carried them. */
  get counts (): { readonly asks: number, readonly commands: number } {
    return this.#signals.counts
  }

  async publish (room: string, signal: OutgoingSignal, key?: IdempotencyKey): Promise<SignalOutcome> {
    const { commands } = this.#connections
    const channel = this.#keys.channel(room)
    const payload = encodeSignal(signal)
    if (key === undefined) return await this.#signals.add({ channel, payload })
    const digest = digestOf('signal', signal.sent ?? signal.content)
    const outcome = await send(commands, () => this.#signalOnce.run(commands, [this.#keys.dedupe(room, key)], [
      channel, payload, digest, KEY_TTL_MS
    ]))
    return String(outcome) as SignalOutcome
  }

  async #publishAll (published: readonly Published[]): Promise<SignalOutcome[]> {
    const { commands } = this.#connections
    const args = published.flatMap(({ channel, payload }) => [channel, payload])
    await send(commands, () => this.#publish.run(commands, [], args))
    return published.map(() => 'published')
  }
}
