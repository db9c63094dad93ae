import { randomUUID } from 'node:crypto'
import { BrokerError } from '../protocol/codes.ts'
import { ask, type RedisConnections } from '../redis/connections.ts'
import type { Keys } from '../redis/keys.ts'
import { LIST_REPLICAS_SCRIPT, TELL_REPLICA_SCRIPT } from '../redis/replica-scripts.ts'
import { Script } from '../redis/script.ts'
import type { ReplicaReport, Replicas } from './replicas.ts'

interface ReplicaTimes { readonly toldEveryMs: number, readonly goneAfterMs: number }

// Two words may be lost.
const TIMES: ReplicaTimes = { toldEveryMs: 2_000, goneAfterMs: 7_000 }

/** The replicas in Redis: one hash, in which each tells of itself. */
export class RedisReplicas implements Replicas {
  readonly #connections: RedisConnections
  readonly #keys: Keys
  readonly #toldEveryMs: number
  readonly #goneAfterMs: number
  // Two may have one name, by mistake, or while one takes the other's place.
  readonly #id = randomUUID()
  readonly #tell = new Script(TELL_REPLICA_SCRIPT)
  readonly #list = new Script(LIST_REPLICAS_SCRIPT)
  #timer: NodeJS.Timeout | undefined

  constructor (connections: RedisConnections, keys: Keys, { toldEveryMs, goneAfterMs }: ReplicaTimes = TIMES) {
    this.#toldEveryMs = toldEveryMs
    this.#goneAfterMs = goneAfterMs
    this.#connections = connections
    this.#keys = keys
  }

  start (report: () => ReplicaReport): void {
    const tell = (): void => {
      // Where Redis is away, the next time is soon.
      this.#say(JSON.stringify(report())).catch(ignoreBrokerError)
    }
    this.#timer = setInterval(tell, this.#toldEveryMs)
    tell()
  }

  async list (): Promise<ReplicaReport[]> {
    const { commands } = this.#connections
    const reports = await ask(commands, () => this.#list.run(commands, [this.#keys.replicas()], []))
    return (reports as Buffer[]).map((report) => JSON.parse(String(report)) as ReplicaReport)
      .sort((a, b) => a.replica < b.replica ? -1 : 1)
  }

  async stop (): Promise<void> {
    clearInterval(this.#timer)
    await this.#say('').catch(ignoreBrokerError)
  }

  async #say (report: string): Promise<void> {
    const { commands } = this.#connections
    await ask(commands, () => this.#tell.run(commands, [this.#keys.replicas()], [this.#id, report, this.#goneAfterMs]))
  }
}

function ignoreBrokerError (error: unknown): void {
  if (!(error instanceof BrokerError)) throw error
}
