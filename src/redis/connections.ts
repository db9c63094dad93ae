import { Redis, type RedisOptions } from 'ioredis'
import { BrokerError } from '../protocol/codes.ts'
import { type Command, findDenied } from './acl-check.ts'

/** Where Redis is. `password` and what `url` may hold of one never reach a log. */
interface RedisAddress {
  readonly url: string
  readonly password?: string | undefined
  readonly db?: number | undefined
}

/** As much of pino as this folder asks for. */
export interface RedisLogger {
  info (fields: object, message: string): void
  warn (fields: object, message: string): void
  error (fields: object, message: string): void
}

const COMMAND_TIMEOUT_MS = 1_500
const QUIT_TIMEOUT_MS = 500
const CONNECT_TIMEOUT_MS = 2_000
const MAX_RETRY_DELAY_MS = 1_000
const PING_MS = 500
// Longer than any command waits for its answer, and short enough that a half-open connection is found and replaced
// within 3 s: at worst one ping's interval, this, and a connection.
const SILENCE_MS = 1_750
// So long pings may be refused or unanswered before Redis counts as away, though its connections stand.
const UNANSWERED_MS = 2_500

// Nothing waits in this process while Redis is away, and nothing is sent twice: with ioredis's defaults a reply
// lost after execution moved the car by 100 for one +50, and a command to a dead Redis took 73.7 s to fail.
const OPTIONS = {
  lazyConnect: true,
  // CLIENT SETINFO, which not every Redis knows, and no user should need a right for.
  disableClientInfo: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  connectTimeout: CONNECT_TIMEOUT_MS,
  keepAlive: 5_000,
  // With the pings below: a half-open connection stays `ready` for ever without both.
  socketTimeout: SILENCE_MS,
  // Full jitter, so that replicas don't come back in step.
  retryStrategy: (times: number) => 50 + Math.random() * Math.min(MAX_RETRY_DELAY_MS, 100 * 2 ** Math.min(times, 10)),
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY')
} satisfies RedisOptions

/** When each was last answered a ping, or connected. */
const answeredMs = new WeakMap<Redis, number>()

/** Not let into its database: what is asked of it would be done in another one. */
const misplaced = new WeakSet<Redis>()

/** Whether it stands, and is answered: what is asked of one that is not would only wait for its deadline. */
function isAnswering (redis: Redis): boolean {
  return redis.status === 'ready' && !misplaced.has(redis) && performance.now() - (answeredMs.get(redis) ?? -Infinity) < UNANSWERED_MS
}

/** A replica's two connections: one for commands, one that only listens. */
export class RedisConnections {
  readonly commands: Redis
  readonly subscriber: Redis
  /** How often each has connected. */
  readonly connects = { commands: 0, subscriber: 0 }
  readonly #log: RedisLogger
  readonly #needed: readonly Command[]
  /** What the Redis user may not do of that. */
  #denied = ''
  #ping: NodeJS.Timeout | undefined
  #listens = true
  #isStopped = false
  #isWarned = false

  /** @param needed what the Redis user must be allowed */
  constructor (address: RedisAddress, name: string, log: RedisLogger, needed: readonly Command[] = []) {
    this.#log = log
    const credentials = {
      ...(address.password === undefined ? {} : { password: address.password }),
      ...(address.db === undefined ? {} : { db: address.db })
    }
    this.commands = new Redis(address.url, { ...OPTIONS, ...credentials, connectionName: `${name}:commands` })
    this.subscriber = new Redis(address.url, {
      ...OPTIONS,
      ...credentials,
      connectionName: `${name}:subscriber`,
      // broker/redis.ts subscribes again itself, because each room is read from its log after that.
      autoResubscribe: false
    })
    const { db } = this.commands.options
    // Who may not select one stays in database 0.
    this.#needed = db ? [...needed, ['SELECT', String(db)]] : needed
    // Pub/Sub knows no databases.
    this.commands.on('connect', () => misplaced.delete(this.commands))
    this.commands.on('error', (error) => {
      if ((error as { command?: { name: string } }).command?.name === 'select') misplaced.add(this.commands)
    })
    this.commands.on('ready', () => {
      void this.#checkRights()
      void this.#checkEviction()
    })
    for (const [redis, connection] of [[this.commands, 'commands'], [this.subscriber, 'subscriber']] as const) {
      redis.on('ready', () => {
        answeredMs.set(redis, performance.now())
        this.connects[connection]++
      })
      report(redis, { connection, redis: new URL(address.url).host }, log, () => this.#isStopped)
    }
  }

  /**
   * Begins to connect, and goes on trying for as long as it takes.
   * @param listens false for who only publishes: there is no subscriber then, and it is never ready
   */
  start (listens = true): void {
    this.#listens = listens
    this.commands.connect().catch(() => {})
    if (listens) this.subscriber.connect().catch(() => {})
    this.#ping = setInterval(() => { void this.ping() }, PING_MS)
  }

  /** Asks both whether they answer, and whether what was denied is allowed by now; never rejects. */
  async ping (): Promise<void> {
    await Promise.all([...[this.commands, this.subscriber].map(pingOne), this.#denied && this.#checkRights()])
  }

  /** A user who may not do everything that is needed fails at some time, with some request: said at once, and once. */
  async #checkRights (): Promise<void> {
    const denied = (await findDenied(this.commands, this.#needed))?.join(', ') ?? this.#denied
    if (denied === this.#denied || this.#isStopped) return
    this.#denied = denied
    if (denied !== '') return this.#log.error({ denied }, 'the Redis user may not do all that is needed (deploy/README.md)')
    // The database, too, is chosen while connecting.
    this.#log.info({}, 'the Redis user may do all that is needed now: connecting anew')
    for (const redis of this.#listens ? [this.commands, this.subscriber] : [this.commands]) redis.disconnect(true)
  }

  /** A Redis that may evict whatever it likes loses logs whenever memory is short: said once, and gone on. */
  async #checkEviction (): Promise<void> {
    // Who may not ask is not told.
    const memory = await this.commands.info('memory').catch(() => '')
    const policy = /maxmemory_policy:(allkeys\S+)/.exec(memory)?.[1]
    if (policy === undefined || this.#isWarned) return
    this.#isWarned = true
    this.#log.warn({ policy }, 'Redis may evict logs when memory is short: use noeviction (docs/recovery.md)')
  }

  /** Both stand, and Redis answers and obeys; one that loads, is busy or cannot save refuses a ping, too. */
  get isReady (): boolean {
    return this.whyNotReady === undefined
  }

  get whyNotReady (): string | undefined {
    if (this.#denied !== '') return `the Redis user may not: ${this.#denied}`
    return isAnswering(this.commands) && isAnswering(this.subscriber) ? undefined : 'Redis cannot be reached'
  }

  /** Whether that one stands, and is answered. */
  isUp (connection: 'commands' | 'subscriber'): boolean {
    return isAnswering(this[connection])
  }

  /**
   * The subscriber connects anew; nothing where it is at that already, or where that would not help: when what is
   * denied is allowed, both do.
   */
  rebuildSubscriber (problem: string): void {
    if (this.subscriber.status !== 'ready' || this.#denied !== '') return
    this.#log.warn({ connection: 'subscriber', problem }, 'connecting to Redis anew')
    this.subscriber.disconnect(true)
  }

  async stop (): Promise<void> {
    clearInterval(this.#ping)
    this.#isStopped = true
    await Promise.all([this.commands, this.subscriber].map(end))
  }
}

async function pingOne (redis: Redis): Promise<void> {
  if (redis.status !== 'ready') return
  try {
    await redis.ping()
    answeredMs.set(redis, performance.now())
  } catch {
    // Until one is answered again, isAnswering says so.
  }
}

/** QUIT waits for what is under way; where it cannot, the socket is dropped. */
async function end (redis: Redis): Promise<void> {
  try {
    if (redis.status === 'ready') await withDeadline(redis.quit(), QUIT_TIMEOUT_MS)
  } catch {
    // It is dropped below.
  }
  redis.disconnect()
}

/** One line when a connection comes or goes, and one for each new kind of failure: not one for every retry. */
function report (redis: Redis, fields: object, log: RedisLogger, isMeant: () => boolean): void {
  let last = ''
  redis.on('ready', () => {
    last = ''
    log.info(fields, 'connected to Redis')
  })
  redis.on('error', (error: NodeJS.ErrnoException) => {
    const problem = error.code ?? error.message
    if (problem !== last) log.warn({ ...fields, problem }, 'Redis cannot be used; trying again')
    last = problem
  })
  redis.on('close', () => {
    if (last === '' && !isMeant()) log.warn(fields, 'the connection to Redis was lost; trying again')
    last ||= 'closed'
  })
}

/**
 * Sends one command and says truly what came of it.
 *
 * @throws BrokerError `unavailable` where it was certainly not carried out: it was never sent, or Redis refused
 * it; `unknown_outcome` where the connection broke, or the deadline passed, after it was sent, or where a script
 * failed half-way
 */
export async function send<Result> (redis: Redis, command: () => Promise<Result>): Promise<Result> {
  if (!isAnswering(redis)) throw new BrokerError('unavailable')
  try {
    return await withDeadline(command())
  } catch (error) {
    // A bug of ours is no outage.
    if (error instanceof TypeError || error instanceof RangeError) throw error
    const { name, message } = error as Error
    if (name === 'ReplyError') throw new BrokerError(outcomeOf(message), { cause: error, isRefused: true })
    throw new BrokerError(message.startsWith('Stream isn') ? 'unavailable' : 'unknown_outcome', { cause: error })
  }
}

/**
 * A script that fails on its way is not rolled back, except where Redis refuses its first write: for want of
 * memory, because it is a replica, or because it cannot save.
 */
function outcomeOf (reply: string): 'unavailable' | 'unknown_outcome' {
  const isHalfway = / script: [0-9a-f]+,/.test(reply) && !/^(OOM|READONLY|MISCONF|NOREPLICAS|LOADING)/.test(reply)
  return isHalfway ? 'unknown_outcome' : 'unavailable'
}

/** What came of one part of a script that failed, and said so. @param isDone whether something of it was done */
export function refusedInScript (words: string, isDone: boolean): BrokerError {
  return new BrokerError(isDone ? 'unknown_outcome' : 'unavailable', { cause: new Error(words), isRefused: true })
}

/**
 * A deadline that is fair to a loop that stood still: timers run before sockets are read, so the answer may be
 * here already when the time is up. What came meanwhile is read first.
 */
async function withDeadline<Result> (answer: Promise<Result>, timeoutMs = COMMAND_TIMEOUT_MS): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      setImmediate(() => reject(new Error(`no answer from Redis within ${timeoutMs} ms`)))
    }, timeoutMs)
  })
  try {
    return await Promise.race([answer, deadline])
  } finally {
    clearTimeout(timer)
  }
}

/** As `send`, for what changes nothing: where its outcome is unknown, nothing was done. */
export async function ask<Result> (redis: Redis, command: () => Promise<Result>): Promise<Result> {
  try {
    return await send(redis, command)
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    throw new BrokerError('unavailable', { cause: error.cause, isRefused: error.isRefused })
  }
}
