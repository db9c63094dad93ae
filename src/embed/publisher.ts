import { RedisSignals } from '../broker/redis-signals.ts'
import { ConfigError } from '../config-error.ts'
import { RedisLog } from '../log/redis.ts'
import { RedisPosition } from '../position/redis.ts'
import { refusal } from '../protocol/codes.ts'
import { commandsToPublish } from '../redis/acl-check.ts'
import { RedisConnections, type RedisLogger } from '../redis/connections.ts'
import { Keys } from '../redis/keys.ts'
import type { RoomRule } from '../room-rules.ts'
import { Orders } from '../session/orders.ts'
import { TidegateError, told } from './error.ts'
import { readShared, type SettingsOptions, type SharedOptions } from './options.ts'
import { Outbox, type Publishing } from './outbox.ts'

/**
 * Where Redis is, and what the gateways were told of it and of their rooms: with other rules than theirs a publisher
 * would keep more or less of a room than they do.
 */
export interface PublisherOptions extends SharedOptions, Pick<
  SettingsOptions,
  'redisPass' | 'redisDb' | 'redisPrefix' | 'roomsFile' | 'logEntries' | 'logMaxAgeMs' | 'maxMessageBytes' |
  'positionMin' | 'positionMax'
> {
  readonly redis: string
  /** Told when Redis comes and goes; pino's loggers are such. Left out: nobody is. */
  readonly logger?: RedisLogger | undefined
}

/** Publishes from any process, without a gateway in it. All of it rejects with TidegateError. */
export interface Publisher extends Publishing {
  /** Ends all connections of a user on every replica, with 4403. */
  disconnect (user: string): Promise<void>
  /** Waits for what is under way, 2 s at most, and lets Redis go: only then a process can end by itself. */
  close (): Promise<void>
}

/** So many calls may be under way. */
const MAX_UNDER_WAY = 10_000
const CONNECT_PATIENCE_MS = 5_000
const CLOSE_PATIENCE_MS = 2_000

const OWN = ['redis', 'rooms', 'logger']
const SETTINGS_HERE = [
  'redisPass', 'redisDb', 'redisPrefix', 'roomsFile', 'logEntries', 'logMaxAgeMs', 'maxMessageBytes', 'positionMin',
  'positionMax'
]
const SILENT: RedisLogger = { info: () => {}, warn: () => {}, error: () => {} }

/**
 * A publisher: the same scripts, keys and idempotency as a gateway's, over one connection to Redis. Calls made before
 * that stands for the first time wait for it, 5 s at most; later none waits for a Redis that is away: `unavailable`.
 *
 * @example
 * const publisher = createPublisher({ redis: 'redis://127.0.0.1:6379' })
 * await publisher.publish('orders:7', { state: 'shipped' }, { key: 'shipped-7' })
 * await publisher.close()
 * @throws ConfigError that names every bad option at once
 */
export function createPublisher (options: PublisherOptions): Publisher {
  const strange = Object.keys(options).filter((name) => ![...OWN, ...SETTINGS_HERE].includes(name))
  const problems = strange.map((name) => `${name}: there is no such option (docs/embedding.md)`)
  if (options.redis === undefined) problems.push('redis: missing')
  const config = readShared({ ...options }, [...OWN, ...strange], problems)
  if (config.redis === undefined) throw new ConfigError(['redis: missing'])
  const keys = new Keys(config.redisPrefix)
  const connections = new RedisConnections(config.redis, 'tidegate:publisher', options.logger ?? SILENT, commandsToPublish(keys))
  const { rules } = config
  const ruleOf = (room: string): RoomRule => rules.of(room)
  const log = new RedisLog(connections, keys, (room) => ruleOf(room).retention)
  const outbox = new Outbox({
    log,
    broker: new RedisSignals(connections, keys),
    position: new RedisPosition(connections, keys, config.positionBounds),
    kindOf: (room) => ruleOf(room).kind,
    maxBytes: config.maxMessageBytes
  })
  const turnstile = new Turnstile(connections)
  const orders = new Orders(log)
  return {
    publish: (...args) => turnstile.pass(() => outbox.publish(...args)),
    broadcast: (...args) => turnstile.pass(() => outbox.broadcast(...args)),
    move: (...args) => turnstile.pass(() => outbox.move(...args)),
    disconnect: (user) => turnstile.pass(() => told(orders.disconnect(user))),
    close: async () => await turnstile.close()
  }
}

/** Lets calls through while Redis is there: the first ones wait for it, and no more than so many are under way. */
class Turnstile {
  readonly #connections: RedisConnections
  readonly #connected: Promise<void>
  #underWay = 0
  #isClosed = false
  #onIdle: () => void = () => {}

  constructor (connections: RedisConnections) {
    this.#connections = connections
    connections.start(false)
    this.#connected = new Promise<void>((resolve) => {
      setTimeout(resolve, CONNECT_PATIENCE_MS).unref()
      connections.commands.once('ready', () => resolve())
    })
  }

  async pass<Result> (call: () => Promise<Result>): Promise<Result> {
    if (this.#isClosed) throw unavailable('this publisher is closed')
    if (this.#underWay >= MAX_UNDER_WAY) throw unavailable('too many calls are under way')
    this.#underWay++
    try {
      await this.#connected
      if (this.#isClosed) throw unavailable('this publisher is closed')
      return await call()
    } finally {
      if (--this.#underWay === 0) this.#onIdle()
    }
  }

  async close (): Promise<void> {
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, CLOSE_PATIENCE_MS)
        this.#onIdle = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.#isClosed = true
    await this.#connections.stop()
  }
}

function unavailable (message: string): TidegateError {
  return new TidegateError(refusal('unavailable', `${message}; nothing was published`))
}
