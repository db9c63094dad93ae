import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { TokenAuthenticator } from './auth/tokens.ts'
import type { Broker } from './broker/broker.ts'
import { Interest } from './broker/interest.ts'
import { MemoryBroker, MemoryBus } from './broker/memory.ts'
import { RedisBroker } from './broker/redis.ts'
import type { Config } from './config.ts'
import { type FileBudget, fileBudget } from './file-limit.ts'
import { follow } from './follow.ts'
import { Admission } from './http/admission.ts'
import { HeapLoad } from './http/heap-load.ts'
import { LoopDelay } from './http/loop-delay.ts'
import { createServer } from './http/server.ts'
import { Hub } from './hub/hub.ts'
import { Flusher } from './hub/flusher.ts'
import { IdleCheck } from './log/idle-check.ts'
import type { Log, Retention } from './log/log.ts'
import { MemoryLog } from './log/memory.ts'
import { RedisLog } from './log/redis.ts'
import { SyncCounts } from './log/sync-counts.ts'
import { Metrics } from './metrics/metrics.ts'
import type { RedisSource } from './metrics/sources.ts'
import { MemoryPosition } from './position/memory.ts'
import type { Position } from './position/position.ts'
import { RedisPosition } from './position/redis.ts'
import { BrokerError } from './protocol/codes.ts'
import { ALL, CONTROL } from './protocol/rooms.ts'
import { MemoryQuota } from './quota/memory.ts'
import type { Quota } from './quota/quota.ts'
import { RedisQuota } from './quota/redis.ts'
import { commandsUsed } from './redis/acl-check.ts'
import { RedisConnections } from './redis/connections.ts'
import { Keys } from './redis/keys.ts'
import type { RoomRules } from './room-rules.ts'
import { SessionCounts } from './session/counts.ts'
import { HARD_END_MS } from './session/drain-times.ts'
import { Heartbeat } from './session/heartbeat.ts'
import { type Order, Orders } from './session/orders.ts'
import type { Services } from './session/services.ts'
import type { Session } from './session/session.ts'
import { Sessions } from './session/sessions.ts'
import { FULL_SHARE, Shedder } from './session/shedder.ts'
import { SlowMessages } from './session/slow-messages.ts'
import { UserRates } from './session/user-rates.ts'

const LINGER_MS = 10_000
const RETRY_MS = 50
const START_PATIENCE_MS = 1_000
// When the last WebSocket has gone, requests over HTTP that are under way have so long,
const LAST_HTTP_MS = 2_500
// but at least this, and no longer than this after the time that a drain may take.
const LEAST_HTTP_MS = 250

/** What replicas share: Redis, or the embedded stand-in for it. */
interface Shared {
  readonly broker: Broker
  readonly log: Log
  readonly position: Position
  readonly quota: Quota
  readonly connections: RedisConnections | undefined
  /** What is told of Redis, where there is one. */
  readonly redis: RedisSource | undefined
}

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

/** The composition root: builds every part in order, and is the only chooser of memory or Redis. */
export async function createGateway (asked: Config, logger: FastifyBaseLogger): Promise<Gateway> {
  const files = fileBudget()
  const config = within(files, asked, logger)
  const { rules } = config
  const shared = createShared(config, rules, logger)
  const flusher = new Flusher(config.flushMs)
  const hub = new Hub(flusher)
  const idleCheck = new IdleCheck(shared.log)
  const now = (): number => performance.now()
  const sessions = new Sessions<Session>(config.maxConnectionAgeMs, now)
  const parts = {
    hub,
    log: shared.log,
    position: shared.position,
    rules,
    idleCheck,
    syncCounts: new SyncCounts(),
    obey: ({ disconnect }: Order) => sessions.disconnect(disconnect)
  }
  const interest = new Interest(shared.broker, (room) => follow(room, parts), LINGER_MS)
  const auth = config.tokens && new TokenAuthenticator(config.tokens, (problem) => {
    logger.warn({ problem, setting: 'AUTH_JWKS_URL' }, 'the keys that tokens are checked with cannot be fetched; trying again')
  })
  const services: Services = {
    replica: config.replica,
    limits: config,
    auth,
    userRates: config.tokens && new UserRates(shared.quota, config.userPublishesPerSecond, now),
    hub,
    interest,
    log: shared.log,
    broker: shared.broker,
    position: shared.position,
    rules,
    heartbeat: new Heartbeat(config.pingIntervalMs, now),
    flusher,
    counts: new SessionCounts(),
    now,
    logger
  }
  const replica = new Replica(config, services, shared, sessions, idleCheck, auth, parts.syncCounts)
  await replica.build(logger, files.sockets)
  return replica
}

/** No more connections than files may be open: whoever is one too many is to be told so. */
function within ({ connections }: FileBudget, config: Config, logger: FastifyBaseLogger): Config {
  if (config.maxConnections <= connections) return config
  // Without a number of its own, the limit is only what there is.
  if (config.maxConnections < Infinity) {
    logger.warn({ connections, asked: config.maxConnections }, 'the limit of open files (ulimit -n) leaves room for fewer connections')
  }
  return { ...config, maxConnections: connections }
}

export function warnIfOpen ({ host, tokens }: Config, logger: Services['logger']): void {
  if (tokens !== undefined) return
  const problem = 'neither AUTH_SECRET nor AUTH_JWKS_URL is set'
  logger.warn({ host, problem }, 'open: whoever reaches this address may do everything')
}

function createShared (config: Config, rules: RoomRules, logger: FastifyBaseLogger): Shared {
  const retentionOf = (room: string): Retention => rules.of(room).retention
  if (config.redis === undefined) {
    const bus = new MemoryBus()
    const log = new MemoryLog(bus, retentionOf)
    const position = new MemoryPosition(bus, log, config.positionBounds)
    const quota = new MemoryQuota()
    return { broker: new MemoryBroker(bus), log, position, quota, connections: undefined, redis: undefined }
  }
  const keys = new Keys(config.redisPrefix)
  const connections = new RedisConnections(config.redis, `tidegate:${config.replica}`, logger, commandsUsed(keys))
  const broker = new RedisBroker(connections, keys)
  const log = new RedisLog(connections, keys, retentionOf)
  return {
    broker,
    log,
    position: new RedisPosition(connections, keys, config.positionBounds),
    quota: new RedisQuota(connections, keys),
    connections,
    redis: { connections, broker, log }
  }
}

class Replica implements Gateway {
  readonly replica: string
  readonly #config: Config
  readonly #auth: TokenAuthenticator | undefined
  readonly #services: Services
  readonly #shared: Shared
  readonly #sessions: Sessions<Session>
  readonly #slowMessages: SlowMessages
  readonly #idleCheck: IdleCheck
  readonly #syncCounts: SyncCounts
  readonly #loopDelay = new LoopDelay()
  readonly #heap = new HeapLoad()
  readonly #shedder: Shedder
  #app: FastifyInstance | undefined
  #isSynced = false
  #stopping: Promise<void> | undefined
  #lastProblem = ''

  constructor (
    config: Config, services: Services, shared: Shared, sessions: Sessions<Session>, idleCheck: IdleCheck,
    auth: TokenAuthenticator | undefined, syncCounts: SyncCounts
  ) {
    this.replica = config.replica
    this.#config = config
    this.#auth = auth
    this.#services = services
    this.#shared = shared
    this.#idleCheck = idleCheck
    this.#sessions = sessions
    this.#shedder = new Shedder(() => sessions.all, services.now)
    this.#slowMessages = new SlowMessages(() => sessions.all, services.now)
    this.#syncCounts = syncCounts
  }

  async build (logger: FastifyBaseLogger, maxSockets: number): Promise<void> {
    this.#app = await createServer({
      logger,
      trustProxy: this.#config.trustProxy,
      allowedOrigins: this.#config.allowedOrigins,
      services: this.#services,
      requestsPerSecond: this.#config.httpRequestsPerSecond,
      maxConnectionsPerAddress: this.#config.maxConnectionsPerAddress,
      quota: this.#shared.quota,
      orders: new Orders(this.#shared.log),
      admission: new Admission(this.#config, () => this.#whyClosed(), this.#loopDelay, this.#services.now),
      sessions: this.#sessions,
      whyNotReady: () => this.#whyNotReady(),
      metrics: this.#metrics()
    })
    if (maxSockets < Infinity) this.#app.server.maxConnections = maxSockets
  }

  #metrics (): Metrics {
    const { hub, flusher, counts, now } = this.#services
    return new Metrics({
      sessions: this.#sessions,
      counts,
      hub,
      writes: flusher.counts,
      sync: this.#syncCounts,
      loopDelay: this.#loopDelay,
      heap: this.#heap,
      isReady: () => this.#whyNotReady() === undefined,
      redis: this.#shared.redis
    }, now)
  }

  async start (isQuiet = false): Promise<AddressInfo | undefined> {
    this.#shared.broker.start(this.#services.interest)
    this.#shared.connections?.start()
    void this.#auth?.start()
    // Whoever listens before it can serve has a proxy's clients see 503. Without Redis it listens to say just that.
    const isFollowing = this.#followAll()
    await Promise.race([isFollowing, delay(START_PATIENCE_MS, undefined, { ref: false })])
    if (this.#stopping !== undefined) return undefined
    const address = await this.#listen(isQuiet)
    if (this.#stopping !== undefined) {
      // The server was closed before it listened: nothing may be left that runs.
      this.#app!.server.close()
      return undefined
    }
    this.#services.heartbeat.start()
    this.#sessions.start()
    this.#slowMessages.start()
    this.#services.userRates?.start()
    this.#loopDelay.start()
    this.#heap.start((share) => this.#shedder.check(share))
    this.#idleCheck.start()
    return address
  }

  async #listen (isQuiet: boolean): Promise<AddressInfo> {
    const { port, host } = this.#config
    const { log } = this.#app!
    const { level } = log
    // Fastify tells each address where it listens, and can't be told not to.
    if (isQuiet) log.level = 'silent'
    try {
      await this.#app!.listen({ port, host, listenTextResolver: (address) => `listening on ${address}` })
    } catch (error) {
      await this.stop(0)
      throw error
    } finally {
      log.level = level
    }
    if (!isQuiet) warnIfOpen(this.#config, this.#services.logger)
    return this.#app!.server.address() as AddressInfo
  }

  async stop (drainMs = this.#config.drainMs): Promise<void> {
    this.#stopping ??= this.#stop(drainMs)
    return await this.#stopping
  }

  async #stop (drainMs: number): Promise<void> {
    const latestMs = this.#services.now() + drainMs + HARD_END_MS
    // Requests over HTTP are served meanwhile: only /ws and /readyz say that this replica goes away.
    await this.#sessions.drain(drainMs)
    this.#services.heartbeat.stop()
    this.#slowMessages.stop()
    await this.#closeServer(Math.max(LEAST_HTTP_MS, Math.min(LAST_HTTP_MS, latestMs - this.#services.now())))
    this.#idleCheck.stop()
    this.#loopDelay.stop()
    this.#heap.stop()
    this.#services.userRates?.stop()
    this.#services.interest.stop()
    await this.#shared.broker.stop()
    await this.#shared.log.stop()
    await this.#shared.connections?.stop()
  }

  /** A peer that keeps a connection open and says nothing must not hold up the end. */
  async #closeServer (patienceMs: number): Promise<void> {
    const app = this.#app!
    const forced = setTimeout(() => app.server.closeAllConnections(), patienceMs)
    await app.close()
    clearTimeout(forced)
  }

  /**
   * Broadcasts and orders reach every connection, so no connection is taken before they can be heard. Goes on trying
   * until it can, or is stopped.
   */
  async #followAll (): Promise<void> {
    while (this.#stopping === undefined) {
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

  #whyClosed (): string | undefined {
    if (this.#stopping !== undefined) return 'draining'
    if (!this.#isSynced) return 'Redis cannot be reached yet'
    return this.#heap.share > FULL_SHARE ? 'this replica is short of memory' : undefined
  }

  #whyNotReady (): string | undefined {
    return this.#shared.connections?.whyNotReady ?? this.#whyClosed()
  }
}
