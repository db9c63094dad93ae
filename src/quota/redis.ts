import { ask, type RedisConnections } from '../redis/connections.ts'
import type { Keys } from '../redis/keys.ts'
import { Script } from '../redis/script.ts'
import { COUNT_SCRIPT } from '../redis/scripts.ts'
import type { Counted, Quota } from './quota.ts'

/** Counters in Redis, which end by themselves. */
export class RedisQuota implements Quota {
  readonly #connections: RedisConnections
  readonly #keys: Keys
  readonly #count = new Script(COUNT_SCRIPT)

  constructor (connections: RedisConnections, keys: Keys) {
    this.#connections = connections
    this.#keys = keys
  }

  async add (name: string, amount: number, windowMs: number): Promise<Counted> {
    const { commands } = this.#connections
    const reply = await ask(commands, () => this.#count.run(commands, [this.#keys.quota(name)], [amount, windowMs]))
    const [count, leftMs] = reply as [number, number]
    return { count, leftMs }
  }
}
