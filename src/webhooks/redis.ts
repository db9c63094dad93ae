import { randomUUID } from 'node:crypto'
import { type RedisConnections, send } from '../redis/connections.ts'
import type { Keys } from '../redis/keys.ts'
import { Script, type ScriptArgument } from '../redis/script.ts'
import { DONE_SCRIPT, FAILED_SCRIPT, KEEP_HOLD_SCRIPT, RELEASE_SCRIPT, TAKE_SCRIPT } from '../redis/webhook-scripts.ts'
import type { BatchLimits, EventQueue, QueuedEvent, Taken } from './queue.ts'

interface Lives { readonly leaseMs: number, readonly ttlMs: number }

/** A stream in Redis, to which the scripts of presence append. */
export class RedisEventQueue implements EventQueue {
  readonly #connections: RedisConnections
  readonly #state: string
  readonly #queue: string
  readonly #leaseMs: number
  readonly #ttlMs: number
  // Of this life of the process: a replica that comes back under its old name is another one.
  readonly #holder = randomUUID()
  // Of what was taken last.
  #epoch = ''
  readonly #take = new Script(TAKE_SCRIPT)
  readonly #keep = new Script(KEEP_HOLD_SCRIPT)
  readonly #done = new Script(DONE_SCRIPT)
  readonly #failed = new Script(FAILED_SCRIPT)
  readonly #release = new Script(RELEASE_SCRIPT)

  /** @param ttlMs after which keys that nobody needs any more go away */
  constructor (connections: RedisConnections, keys: Keys, { leaseMs, ttlMs }: Lives) {
    this.#connections = connections
    this.#state = keys.webhookState()
    this.#queue = keys.webhookQueue()
    this.#leaseMs = leaseMs
    this.#ttlMs = ttlMs
  }

  async take ({ maxEvents, maxBytes }: BatchLimits): Promise<Taken | undefined> {
    const reply = await this.#run(this.#take, [this.#holder, this.#leaseMs, this.#ttlMs, maxEvents, maxBytes])
    if (reply === null) return undefined
    const [nowMs, waiting, oldestMs, dropped, tries, restMs, events, epoch] = reply as unknown[]
    this.#epoch = String(epoch)
    const number = (value: unknown): number => Number(String(value))
    return {
      nowMs: number(nowMs),
      waiting: number(waiting),
      oldestMs: number(oldestMs) < 0 ? undefined : number(oldestMs),
      dropped: number(dropped),
      tries: number(tries),
      restMs: number(restMs),
      events: (events as Buffer[][]).map(([place, id, timestampMs, body]) =>
        ({ number: number(place), id: String(id), timestampMs: number(timestampMs), body: String(body) }))
    }
  }

  async keep (): Promise<boolean> {
    return Number(await this.#run(this.#keep, [this.#holder, this.#leaseMs, this.#ttlMs])) === 1
  }

  async done ({ number, id }: QueuedEvent): Promise<void> {
    await this.#run(this.#done, [number, id, this.#epoch, this.#ttlMs])
  }

  async failed (tries: number, restMs: number): Promise<void> {
    await this.#run(this.#failed, [this.#holder, tries, restMs])
  }

  async release (): Promise<void> {
    await this.#run(this.#release, [this.#holder])
  }

  async #run (script: Script, args: readonly ScriptArgument[]): Promise<unknown> {
    const { commands } = this.#connections
    return await send(commands, () => script.run(commands, [this.#state, this.#queue], args))
  }
}
