import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Config } from './config.ts'
import type { Files } from './files/files.ts'
import type { HeapLoad } from './http/heap-load.ts'
import type { LoopDelay } from './http/loop-delay.ts'
import type { IdleCheck } from './log/idle-check.ts'
import { BrokerError } from './protocol/codes.ts'
import { ALL, CONTROL } from './protocol/rooms.ts'
import type { RedisConnections } from './redis/connections.ts'
import type { ReplicaReport, Replicas } from './replicas/replicas.ts'
import { HARD_END_MS } from './session/drain-times.ts'
import type { Services } from './session/services.ts'
import type { Session } from './session/session.ts'
import type { Sessions } from './session/sessions.ts'
import { FULL_SHARE, Shedder } from './session/shedder.ts'
import { SlowMessages } from './session/slow-messages.ts'
import type { Webhooks } from './webhooks/webhooks.ts'

const RETRY_MS = 50
const START_PATIENCE_MS = 1_000
// When the last WebSocket has gone, requests over HTTP that are under way have so long,
const LAST_HTTP_MS = 2_500
// but at least this, and no longer than this after the time that a drain may take.
const LEAST_HTTP_MS = 250

/** One replica. */
export interface Gateway {
  readonly replica: string
  /**
   * Begins to connect, and listens. Resolves with the address, or with undefined where it was stopped before; rejects,
   * and ends, where the port cannot be had.
   * @param isQuiet somebody else says where it listens, and to whom it is open
   */
  start (isQuiet?: boolean): Promise<AddressInfo | undefined>
  /**
   * Lets nobody in any more, sends everyone away over a while, and ends; at once where nobody is connected, and at
   * the latest 5 s after that while. Safe to call twice: the first call decides.
   * @param drainMs the while; `DRAIN_MS` where it is not given
   */
  stop (drainMs?: number): Promise<void>
}

interface Starting { start (): Promise<void> }

interface Parts {
  readonly config: Config
  /** What fetches the keys of tokens, where there is such. */
  readonly auth: Starting | undefined
  readonly services: Services
  readonly sessions: Sessions<Session>
  readonly idleCheck: IdleCheck
  readonly loopDelay: LoopDelay
  readonly heap: HeapLoad
  readonly replicas: Replicas
  /** Undefined with the embedded broker. */
  readonly connections: RedisConnections | undefined
  /** Undefined where none are shared. */
  readonly files: Files | undefined
  readonly webhooks: Webhooks | undefined
  readonly app: FastifyInstance
}

/** A replica's life: what is begun, in which order, and ended. */
export class Replica implements Gateway {
  readonly replica: string
  readonly #config: Config
  readonly #auth: Starting | undefined
  readonly #services: Services
  readonly #sessions: Sessions<Session>
  readonly #slowMessages: SlowMessages
  readonly #shedder: Shedder
  readonly #idleCheck: IdleCheck
  readonly #loopDelay: LoopDelay
  readonly #heap: HeapLoad
  readonly #replicas: Replicas
  readonly #connections: RedisConnections | undefined
  readonly #files: Files | undefined
  readonly #webhooks: Webhooks | undefined
  readonly #app: FastifyInstance
  #isSynced = false
  #beginning: Promise<void> | undefined
  #draining: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #lastProblem = ''

  constructor (parts: Parts) {
    const { config, auth, services, sessions, idleCheck, loopDelay, heap, replicas } = parts
    const { connections, webhooks, files, app } = parts
    this.replica = config.replica
    this.#config = config
    this.#auth = auth
    this.#services = services
    this.#sessions = sessions
    this.#slowMessages = new SlowMessages(() => sessions.all, services.now)
    this.#shedder = new Shedder(() => sessions.all, services.now, (connections, share) => {
      services.logger.warn({ connections, share }, 'short of memory: those who hold most are ended with 4503')
    })
    this.#idleCheck = idleCheck
    this.#loopDelay = loopDelay
    this.#heap = heap
    this.#replicas = replicas
    this.#connections = connections
    this.#files = files
    this.#webhooks = webhooks
    this.#app = app
  }

  async start (isQuiet = false): Promise<AddressInfo | undefined> {
    await this.begin()
    if (this.#draining !== undefined) return undefined
    const address = await this.#listen(isQuiet)
    if (this.#draining === undefined) return address
    // The server was closed before it listened: nothing may be left that runs.
    this.#app.server.close()
    return undefined
  }

  /** All but listening; safe to call twice. Resolves when it can serve, or after a second without Redis. */
  async begin (): Promise<void> {
    this.#beginning ??= this.#begin()
    await this.#beginning
  }

  async #begin (): Promise<void> {
    const services = this.#services
    services.broker.start(services.interest)
    this.#connections?.start()
    services.presence.start()
    void this.#auth?.start()
    this.#webhooks?.start()
    // Whoever listens before it can serve has a proxy's clients see 503. Without Redis it listens to say just that.
    const isFollowing = this.#followAll()
    await Promise.race([isFollowing, delay(START_PATIENCE_MS, undefined, { ref: false })])
    if (this.#draining !== undefined) return
    services.heartbeat.start()
    this.#sessions.start()
    this.#slowMessages.start()
    services.userRates?.start()
    this.#loopDelay.start()
    this.#files?.start()
    this.#heap.start((pressure) => this.#shedder.check(pressure))
    this.#idleCheck.start()
    this.#replicas.start(() => this.#report)
  }

  async #listen (isQuiet: boolean): Promise<AddressInfo> {
    const { port, host } = this.#config
    const { log } = this.#app
    const { level } = log
    // Fastify tells each address where it listens, and can't be told not to.
    if (isQuiet) log.level = 'silent'
    try {
      await this.#app.listen({ port, host, listenTextResolver: (address) => `listening on ${address}` })
    } catch (error) {
      await this.stop(0)
      throw error
    } finally {
      log.level = level
    }
    if (!isQuiet) warnIfOpen(this.#config, this.#services.logger)
    return this.#app.server.address() as AddressInfo
  }

  /** The first half of `stop`: nobody is connected any more, and requests over HTTP are still served. */
  async drain (drainMs = this.#config.drainMs): Promise<void> {
    this.#draining ??= this.#drain(drainMs)
    await this.#draining
  }

  async #drain (drainMs: number): Promise<void> {
    // Only /ws and /readyz say that this replica goes away.
    await this.#sessions.drain(drainMs)
    this.#services.heartbeat.stop()
    this.#slowMessages.stop()
  }

  async stop (drainMs = this.#config.drainMs): Promise<void> {
    this.#stopping ??= this.#stop(drainMs)
    await this.#stopping
  }

  async #stop (drainMs: number): Promise<void> {
    const latestMs = this.#services.now() + drainMs + HARD_END_MS
    await this.drain(drainMs)
    await this.#closeServer(Math.max(LEAST_HTTP_MS, Math.min(LAST_HTTP_MS, latestMs - this.#services.now())))
    await this.#files?.stop()
    this.#idleCheck.stop()
    this.#loopDelay.stop()
    this.#heap.stop()
    this.#services.userRates?.stop()
    await this.#services.presence.stop()
    await this.#replicas.stop()
    // What that has ended is to be told, too.
    await this.#webhooks?.stop()
    this.#services.interest.stop()
    await this.#services.broker.stop()
    await this.#services.log.stop()
    await this.#connections?.stop()
  }

  get #report (): ReplicaReport {
    const { hub } = this.#services
    return {
      replica: this.replica, connections: this.#sessions.size, rooms: hub.size, deliveries: hub.counts.deliveries
    }
  }

  /** A peer that keeps a connection open and says nothing must not hold up the end. */
  async #closeServer (patienceMs: number): Promise<void> {
    const app = this.#app
    const forced = setTimeout(() => app.server.closeAllConnections(), patienceMs)
    await app.close()
    clearTimeout(forced)
  }

  /**
   * Broadcasts and orders reach every connection, so no connection is taken before they can be heard. Goes on trying
   * until it can, or is stopped.
   */
  async #followAll (): Promise<void> {
    while (this.#draining === undefined) {
      try {
        await Promise.all([ALL, CONTROL].map((room) => this.#services.interest.acquire(room)))
        this.#isSynced = true
        return
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error
        this.#reportRefusal(error)
        await delay(RETRY_MS, undefined, { ref: false })
      }
    }
  }

  #reportRefusal ({ cause, isRefused }: BrokerError): void {
    const problem = String(cause ?? '')
    if (isRefused && problem !== this.#lastProblem) {
      this.#services.logger.warn({ problem }, 'Redis refuses; trying again')
    }
    this.#lastProblem = problem
  }

  get isDraining (): boolean {
    return this.#draining !== undefined
  }

  /** Why nobody can be let in now; undefined where one can. */
  get whyClosed (): string | undefined {
    if (this.#draining !== undefined) return 'draining'
    if (!this.#isSynced) return 'Redis cannot be reached yet'
    return this.#heap.pressure > FULL_SHARE ? 'this replica is short of memory' : undefined
  }

  get whyNotReady (): string | undefined {
    return this.#connections?.whyNotReady ?? this.whyClosed
  }
}

export function warnIfOpen ({ host, tokens }: Config, logger: Services['logger']): void {
  if (tokens !== undefined) return
  const problem = 'neither AUTH_SECRET nor AUTH_JWKS_URL is set'
  logger.warn({ host, problem }, 'open: whoever reaches this address may do everything')
}
