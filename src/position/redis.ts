import { digestOf } from '../broker/digest.ts'
import { encodeBody } from '../broker/wire.ts'
import { newEntryId, newEpoch } from '../log/ids.ts'
import { META_TTL_MS } from '../log/log.ts'
import { BrokerError } from '../protocol/codes.ts'
import { type IdempotencyKey, KEY_TTL_MS } from '../protocol/entry.ts'
import { POSITION } from '../protocol/rooms.ts'
import { ask, type RedisConnections, send } from '../redis/connections.ts'
import type { Keys } from '../redis/keys.ts'
import { Script } from '../redis/script.ts'
import { MOVE_SCRIPT } from '../redis/scripts.ts'
import type { Bounds, Moved, Position } from './position.ts'

// The body of the room's message, up to the new position that the script puts behind it.
const HEAD = encodeBody({ from: '""', content: '' })

/** The counter in Redis; moving and announcing it is one script, atomic over all replicas. */
export class RedisPosition implements Position {
  readonly #connections: Pick<RedisConnections, 'commands'>
  readonly #keys: Keys
  readonly #bounds: Bounds
  readonly #move = new Script(MOVE_SCRIPT)

  constructor (connections: Pick<RedisConnections, 'commands'>, keys: Keys, bounds: Bounds) {
    this.#connections = connections
    this.#keys = keys
    this.#bounds = bounds
  }

  async get (): Promise<number> {
    const { commands } = this.#connections
    const counter = await ask(commands, () => commands.get(this.#keys.counter(POSITION))) ?? '0'
    if (Number.isSafeInteger(Number(counter))) return Number(counter)
    const cause = new Error(`${this.#keys.counter(POSITION)} is no integer`)
    throw new BrokerError('unavailable', { cause, isRefused: true })
  }

  async move (delta: number, key?: IdempotencyKey): Promise<Moved | 'out_of_range' | 'key_reused'> {
    const { commands } = this.#connections
    const keys = this.#keys
    const reply = await send(commands, () => this.#move.run(commands, [
      keys.meta(POSITION), keys.stream(POSITION), keys.dedupe(POSITION, key), keys.counter(POSITION)
    ], [
      // A `latest` room: one entry, for ever.
      keys.channel(POSITION), 1, 0, META_TTL_MS, newEpoch(), newEntryId(), delta,
      key === undefined ? '' : digestOf('move', String(delta)), KEY_TTL_MS, HEAD, this.#bounds.min, this.#bounds.max
    ]))
    const [epoch, seq, id, duplicate, position] = (reply as Buffer[]).map(String)
    if (seq === undefined) return epoch as 'out_of_range' | 'key_reused'
    return {
      position: Number(position),
      cursor: { epoch: epoch!, seq: Number(seq), id: id! },
      duplicate: duplicate === '1'
    }
  }
}
