import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { TokenAuthenticator, type TokenSettings } from './auth/tokens.ts'
import type { Broker } from './broker/broker.ts'
import { Interest } from './broker/interest.ts'
import { MemoryBroker, MemoryBus } from './broker/memory.ts'
import { RedisBroker } from './broker/redis.ts'
import type { Config } from './config.ts'
import { type FileBudget, fileBudget } from './file-limit.ts'
import { FileCounts } from './files/counts.ts'
import { DiskFiles } from './files/disk.ts'
import { FileLinks } from './files/links.ts'
import { S3Files } from './files/s3.ts'
import { follow } from './follow/follow.ts'
import { Admission } from './http/admission.ts'
import type { FileServices } from './http/files.ts'
import type { Guest } from './http/guest.ts'
import { HeapLoad } from './http/heap-load.ts'
import { LoopDelay } from './http/loop-delay.ts'
import { createServer } from './http/server.ts'
import { Hub } from './hub/hub.ts'
import { Deflater } from './hub/deflater.ts'
import { Flusher } from './hub/flusher.ts'
import { boundReads } from './log/bounded-reads.ts'
import { IdleCheck } from './log/idle-check.ts'
import type { Log, Retention } from './log/log.ts'
import { MemoryLog } from './log/memory.ts'
import { RedisLog } from './log/redis.ts'
import { SyncCounts } from './log/sync-counts.ts'
import { Metrics } from './metrics/metrics.ts'
import type { RedisSource } from './metrics/sources.ts'
import { LocalPresence } from './presence/local.ts'
import { MemoryPresence } from './presence/memory.ts'
import type { Presence } from './presence/presence.ts'
import { RedisPresence } from './presence/redis.ts'
import { MemoryPosition } from './position/memory.ts'
import type { Position } from './position/position.ts'
import { RedisPosition } from './position/redis.ts'
import { MemoryQuota } from './quota/memory.ts'
import type { Quota } from './quota/quota.ts'
import { RedisQuota } from './quota/redis.ts'
import { commandsUsed } from './redis/acl-check.ts'
import { RedisConnections } from './redis/connections.ts'
import { Keys } from './redis/keys.ts'
import { type Gateway, Replica } from './replica.ts'
import { MemoryReplicas } from './replicas/memory.ts'
import { RedisReplicas } from './replicas/redis.ts'
import type { Replicas } from './replicas/replicas.ts'
import { SessionCounts } from './session/counts.ts'
import { Gate } from './session/gate.ts'
import { Heartbeat } from './session/heartbeat.ts'
import { HookAuthenticator } from './session/hook-authenticator.ts'
import type { HookCalls } from './session/hook-calls.ts'
import { type Order, Orders } from './session/orders.ts'
import { PastPace } from './session/past-pace.ts'
import type { Services } from './session/services.ts'
import type { Session } from './session/session.ts'
import { SHED_SHARE } from './session/shedder.ts'
import { RepeatedWarnings } from './session/repeated-warnings.ts'
import { Sessions } from './session/sessions.ts'
import { UserRates } from './session/user-rates.ts'
import { MemoryEventQueue } from './webhooks/memory.ts'
import type { EventQueue } from './webhooks/queue.ts'
import { RedisEventQueue } from './webhooks/redis.ts'
import { Webhooks } from './webhooks/webhooks.ts'

const LINGER_MS = 10_000
// Of which each may take Redis, and the way from it, some milliseconds.
const MAX_PAGES_AT_ONCE = 16
// Longer than any event waits.
const EVENTS_TTL_MS = 600_000

/** What replicas share: Redis, or the embedded stand-in for it. */
interface Shared {
  readonly broker: Broker
  readonly log: Log
  readonly position: Position
  readonly presence: Presence
  readonly quota: Quota
  readonly replicas: Replicas
  /** What the webhook is still to be told; undefined where there is none. */
  readonly events: EventQueue | undefined
  readonly connections: RedisConnections | undefined
  /** What is told of Redis, where there is one. */
  readonly redis: RedisSource | undefined
}

/** What a gateway is built with besides its settings. */
interface Embedding {
  readonly hooks: HookCalls | undefined
  readonly guest: Guest
}

/** A gateway, and what code that embeds it works with. */
export interface Composed extends Pick<Shared, 'position'> {
  readonly replica: Replica
  readonly app: FastifyInstance
  readonly services: Services
  readonly orders: Orders
  readonly metrics: Metrics
  readonly config: Config
}

/** A gateway with a server of its own. */
export async function createGateway (config: Config, logger: FastifyBaseLogger): Promise<Gateway> {
  return (await compose(config, logger)).replica
}

/**
 * The composition root: builds every part in order, and is the only chooser of memory or Redis.
 * @param embedding where it is a guest in a Fastify app
 */
export async function compose (asked: Config, logger: FastifyBaseLogger, embedding?: Embedding): Promise<Composed> {
  const files = fileBudget()
  const config = within(files, asked, logger)
  const { rules } = config
  const { broker, log, position, presence, quota, replicas, events, connections, redis } = createShared(config, logger)
  const now = (): number => performance.now()
  const flusher = new Flusher(config.flushMs)
  const hub = new Hub(flusher)
  const idleCheck = new IdleCheck(log)
  const sessions = new Sessions<Session>(config.maxConnectionAgeMs, now)
  const syncCounts = new SyncCounts()
  const obey = ({ disconnect }: Order): void => sessions.disconnect(disconnect)
  const parts = { hub, log, position, rules, idleCheck, syncCounts, obey }
  const interest = new Interest(broker, (room) => follow(room, parts), LINGER_MS)
  const { hooks, guest } = embedding ?? {}
  const tokens = config.tokens && createTokens(config.tokens, logger)
  const auth = hooks?.hooks.authenticate === undefined ? tokens : new HookAuthenticator(hooks, hooks.hooks.authenticate)
  const heap = new HeapLoad()
  const services: Services = {
    replica: config.replica,
    limits: config,
    auth,
    userRates: auth && new UserRates(quota, config.userPublishesPerSecond, now),
    hub,
    interest,
    log,
    broker,
    position,
    presence: new LocalPresence(presence, config.presenceGraceMs),
    rules,
    hooks,
    heartbeat: new Heartbeat(config.pingIntervalMs, now),
    flusher,
    pastPace: new PastPace(),
    deflater: config.deflateBytes === Infinity ? undefined : new Deflater(config.deflateBytes),
    counts: new SessionCounts(),
    isShort: () => heap.pressure >= SHED_SHARE,
    now,
    logger,
    warnings: new RepeatedWarnings(logger)
  }
  const shared = createFiles(config.files, logger)
  const webhooks = events && new Webhooks({
    queue: events, settings: config.webhooks!, leaseMs: config.presenceLeaseMs, logger, now
  })
  const loopDelay = new LoopDelay()
  const whyNotReady = (): string | undefined => replica.whyNotReady
  const orders = new Orders(log)
  const metrics = new Metrics({
    sessions,
    counts: services.counts,
    hub,
    presence: services.presence,
    pastPace: services.pastPace,
    writes: flusher.counts,
    sync: syncCounts,
    loopDelay,
    heap,
    isReady: () => whyNotReady() === undefined,
    hooks,
    redis,
    webhooks: webhooks?.counts,
    files: shared
  }, now)
  const onUnavailable = (problem: string): void => {
    // At a replica's end that is as it should be.
    if (!replica.isDraining) services.warnings.warn('connections are refused', problem)
  }
  const app = await createServer({
    logger,
    trustProxy: config.trustProxy,
    allowedOrigins: config.allowedOrigins,
    services,
    requestsPerSecond: config.httpRequestsPerSecond,
    maxConnectionsPerAddress: config.maxConnectionsPerAddress,
    quota,
    orders,
    replicas,
    admission: new Admission(config, () => replica.whyClosed, loopDelay, now, onUnavailable),
    sessions,
    whyNotReady,
    metrics,
    files: shared,
    guest
  })
  // On somebody else's server it is for them to say.
  if (guest === undefined && files.sockets < Infinity) app.server.maxConnections = files.sockets
  const replica = new Replica({
    config,
    auth: tokens,
    services,
    sessions,
    idleCheck,
    loopDelay,
    heap,
    replicas,
    connections,
    webhooks,
    files: shared?.store,
    app
  })
  return { replica, app, services, orders, metrics, config, position }
}

function createTokens (settings: TokenSettings, logger: FastifyBaseLogger): TokenAuthenticator {
  return new TokenAuthenticator(settings, (problem) => {
    const fields = { problem, setting: 'AUTH_JWKS_URL' }
    logger.warn(fields, 'the keys that tokens are checked with cannot be fetched; trying again')
  })
}

/** No more connections than files may be open: whoever is one too many is to be told so. */
function within ({ connections }: FileBudget, config: Config, logger: FastifyBaseLogger): Config {
  if (config.maxConnections <= connections) return config
  // As it was set: 0 for as many as come.
  const asked = config.maxConnections === Infinity ? 0 : config.maxConnections
  logger.info({ connections, asked }, 'the limit of open files (ulimit -n) leaves room for fewer connections')
  return { ...config, maxConnections: connections }
}

function createFiles (config: Config['files'], logger: FastifyBaseLogger): FileServices | undefined {
  if (config === undefined) return undefined
  const { store, secret, maxBytes, perMinute } = config
  const onProblem = (err: Error): void => logger.warn({ err }, 'the folder for files (FILES_DIR) cannot be used; trying again')
  return {
    store: 's3' in store ? new S3Files(store.s3) : new DiskFiles({ ...store.disk, onProblem }),
    links: secret === undefined ? undefined : new FileLinks(secret),
    counts: new FileCounts(),
    maxBytes,
    perMinute
  }
}

function createShared (config: Config, logger: FastifyBaseLogger): Shared {
  const { rules, webhooks, presenceLeaseMs: leaseMs } = config
  const retentionOf = (room: string): Retention => rules.of(room).retention
  const outside = webhooks && {
    wantedOf: (room: string) => rules.of(room).webhooks ? webhooks.wanted : '',
    maxWaiting: webhooks.maxWaiting,
    ttlMs: webhooks.maxAgeMs + EVENTS_TTL_MS,
    leaseMs
  }
  if (config.redis === undefined) {
    const bus = new MemoryBus()
    const log = new MemoryLog(bus, retentionOf)
    const position = new MemoryPosition(bus, log, config.positionBounds)
    const broker = new MemoryBroker(bus)
    const events = outside && new MemoryEventQueue(outside)
    const presence = new MemoryPresence(bus, undefined, events && ((change) => events.append(change)))
    const quota = new MemoryQuota()
    const replicas = new MemoryReplicas()
    return { broker, log, position, presence, quota, replicas, events, connections: undefined, redis: undefined }
  }
  const keys = new Keys(config.redisPrefix)
  const connections = new RedisConnections(config.redis, `tidegate:${config.replica}`, logger, commandsUsed(keys))
  const broker = new RedisBroker(connections, keys)
  const log = new RedisLog(connections, keys, retentionOf)
  return {
    broker,
    log: boundReads(log, new Gate(MAX_PAGES_AT_ONCE)),
    position: new RedisPosition(connections, keys, config.positionBounds),
    presence: new RedisPresence(connections, keys, leaseMs, outside),
    quota: new RedisQuota(connections, keys),
    replicas: new RedisReplicas(connections, keys),
    events: outside && new RedisEventQueue(connections, keys, outside),
    connections,
    redis: { connections, broker, log }
  }
}
