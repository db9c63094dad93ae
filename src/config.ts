import { isIP } from 'node:net'
import { hostname } from 'node:os'
import envSchema from 'env-schema'
import { newEpoch } from './log/ids.ts'

interface IntegerSetting {
  readonly type: 'integer',
  readonly default: number,
  readonly minimum: number
  readonly maximum: number,
  readonly unit: string,
  readonly description: string
}
interface TextRules { readonly default?: string, readonly enum?: readonly string[], readonly pattern?: string }
interface TextSetting extends TextRules { readonly type: 'string', readonly unit: string, readonly description: string }

const LARGEST = Number.MAX_SAFE_INTEGER
const LONGEST_TIMER_MS = 2 ** 31 - 1

function integer (
  byDefault: number, unit: string, description: string, minimum = 0, maximum = LARGEST
): IntegerSetting {
  return { type: 'integer', default: byDefault, minimum, maximum, unit, description }
}

function text<const Rules extends TextRules> (description: string, rules?: Rules): TextSetting & Rules {
  return { type: 'string', unit: 'text', description, ...rules! }
}

/**
 * Every setting of the gateway, from environment variables. Durations are milliseconds, sizes bytes; 0 turns a
 * limit off. docs/configuration.md is made from this table, and a test holds the two together.
 */
export const SETTINGS = {
  PORT: integer(8080, 'port', 'where to listen; 0 takes a free one', 0, 65_535),
  HOST: text('the address to listen on', { default: '0.0.0.0' }),
  REDIS_URL: text('`redis://…` or `rediss://…`; unset runs the embedded memory broker, one replica'),
  REDIS_ADDR: text('`host:port`, instead of `REDIS_URL`', { pattern: '^[^\\s/@]+:[0-9]{1,5}$' }),
  REDIS_PASS: text('the password for Redis; never logged'),
  REDIS_DB: integer(0, 'number', 'the logical database', 0, 1_000_000),
  REDIS_PREFIX: text('of every key and channel', { default: 'tg:', pattern: '^[^{}\\s]*$' }),
  REPLICA: text("this replica's name, as `welcome` tells it; unset: the host name and a random suffix", {
    pattern: '^[A-Za-z0-9_.:-]{1,64}$'
  }),
  ALLOWED_ORIGINS: text("origins besides the gateway's own, comma-separated, or `*`", { default: '' }),
  TRUST_PROXY: text('addresses or CIDRs of the proxies in front, comma-separated', { default: 'loopback' }),
  ROOMS_FILE: text('rules by room name, YAML or JSON (docs/rooms.md); unset: the built-in ones'),
  LOG_ENTRIES: integer(500, 'messages', 'how many a `log` room keeps', 1, 1_000_000),
  LOG_MAX_AGE_MS: integer(900_000, 'ms', 'how long a `log` room keeps them; 0 for as long as Redis does'),
  MAX_MESSAGE_BYTES: integer(65_536, 'bytes', 'the largest frame or body that is taken', 0, 2 ** 30),
  SEND_QUEUE_BYTES: integer(262_144, 'bytes', "a connection's send queue, above which it falls behind"),
  STALL_TIMEOUT_MS: integer(30_000, 'ms', 'a full connection that takes no byte for so long is ended', 0, LONGEST_TIMER_MS),
  MAX_CONNECTIONS: integer(20_000, 'connections', 'at once on this replica'),
  MAX_CONNECTIONS_PER_ADDRESS: integer(200, 'connections', 'at once from one address'),
  MAX_ROOMS_PER_CONNECTION: integer(128, 'rooms', 'that one connection may be in'),
  RATE_REQUESTS: integer(50, 'a second', 'requests of one connection; bursts of twice as many'),
  RATE_PUBLISHES: integer(20, 'a second', 'messages, broadcasts and moves of one connection; bursts of twice as many'),
  RATE_CONNECTIONS: integer(500, 'a second', 'new connections on this replica; bursts of twice as many'),
  PING_INTERVAL_MS: integer(25_000, 'ms', 'between heartbeats; silence of two and a half is the end', 0, LONGEST_TIMER_MS),
  POSITION_MIN: integer(-LARGEST, 'position', 'the lower bound of the car', -LARGEST),
  POSITION_MAX: integer(LARGEST, 'position', 'the upper bound of the car', -LARGEST),
  LOG_LEVEL: text("pino's", {
    default: 'info',
    enum: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']
  })
} as const

/** Settings of later releases. To ignore one of these would leave a gateway open, or alone, that should not be. */
const NOT_YET = ['AUTH_SECRET', 'AUTH_JWKS_URL', 'AUTH_ISSUER', 'AUTH_AUDIENCE', 'REDIS_MODE'] as const

type SettingValue<S> = S extends { type: 'integer' } ? number : S extends { default: string } ? string : string | undefined
/** The settings as the environment gives them, checked, with their defaults. */
export type Settings = { readonly [Name in keyof typeof SETTINGS]: SettingValue<(typeof SETTINGS)[Name]> }

/** What the gateway runs by. Limits that are turned off are Infinity. */
export interface Config {
  readonly port: number
  readonly host: string
  readonly redis: {
    readonly url: string
    readonly password: string | undefined
    readonly db: number | undefined
  } | undefined
  readonly redisPrefix: string
  readonly replica: string
  readonly allowedOrigins: readonly string[]
  readonly trustProxy: readonly string[]
  readonly roomsFile: string | undefined
  readonly log: { readonly maxEntries: number, readonly maxAgeMs: number }
  readonly maxMessageBytes: number
  readonly sendQueueBytes: number
  readonly stallTimeoutMs: number
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly maxRoomsPerConnection: number
  readonly requestsPerSecond: number
  readonly publishesPerSecond: number
  readonly connectionsPerSecond: number
  readonly pingIntervalMs: number
  readonly positionBounds: { readonly min: number, readonly max: number }
  readonly logLevel: string
}

/** Settings that the gateway cannot start with: every one of them, a line each. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor (problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/**
 * Reads the settings.
 * @throws ConfigError that names every bad one at once
 */
export function loadConfig (env: Readonly<Record<string, string | undefined>>): Config {
  // An empty variable is an unset one, as in a compose file's `${VAR:-}`.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const problems: string[] = []
  for (const name of NOT_YET) if (given[name] !== undefined) problems.push(`${name}: not supported by this version`)
  if ((given['WORKERS'] ?? '1') !== '1') problems.push('WORKERS: not supported by this version (it runs 1)')
  const config = toConfig(readSettings(given, problems), problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return config
}

function readSettings (given: Record<string, string | undefined>, problems: string[]): Settings {
  const properties = Object.fromEntries(Object.entries(SETTINGS).map(([name, { unit, ...schema }]) => [name, schema]))
  try {
    return envSchema<Settings>({ schema: { type: 'object', properties }, data: given, env: false })
  } catch (error) {
    const faults = (error as { errors?: Array<{ instancePath: string, message: string }> }).errors
    if (faults === undefined) throw error
    const rest = { ...given }
    for (const { instancePath, message } of faults) {
      const name = instancePath.slice(1) as keyof Settings
      problems.push(`${name}: ${describe(name, message)}, not ${JSON.stringify(given[name])}`)
      delete rest[name]
    }
    // Once more without the bad ones, so that what is wrong with the others comes to light too.
    return readSettings(rest, problems)
  }
}

function describe (name: keyof Settings, message: string): string {
  const setting: IntegerSetting | TextSetting = SETTINGS[name]
  if (setting.type === 'integer') return `must be an integer of ${setting.minimum} to ${setting.maximum}`
  return setting.enum === undefined ? message : `must be one of ${setting.enum.join(', ')}`
}

function toConfig (settings: Settings, problems: string[]): Config {
  if (settings.POSITION_MIN > settings.POSITION_MAX) problems.push('POSITION_MIN: must not be above POSITION_MAX')
  return {
    port: settings.PORT,
    host: settings.HOST,
    redis: readRedis(settings, problems),
    redisPrefix: settings.REDIS_PREFIX,
    replica: settings.REPLICA ?? `${hostname().replace(/[^A-Za-z0-9_.:-]/g, '-').slice(0, 48)}-${newEpoch().slice(0, 4)}`,
    allowedOrigins: readOrigins(settings.ALLOWED_ORIGINS, problems),
    trustProxy: readProxies(settings.TRUST_PROXY, problems),
    roomsFile: settings.ROOMS_FILE,
    log: { maxEntries: settings.LOG_ENTRIES, maxAgeMs: settings.LOG_MAX_AGE_MS },
    maxMessageBytes: settings.MAX_MESSAGE_BYTES,
    sendQueueBytes: limit(settings.SEND_QUEUE_BYTES),
    stallTimeoutMs: settings.STALL_TIMEOUT_MS,
    maxConnections: limit(settings.MAX_CONNECTIONS),
    maxConnectionsPerAddress: limit(settings.MAX_CONNECTIONS_PER_ADDRESS),
    maxRoomsPerConnection: limit(settings.MAX_ROOMS_PER_CONNECTION),
    requestsPerSecond: limit(settings.RATE_REQUESTS),
    publishesPerSecond: limit(settings.RATE_PUBLISHES),
    connectionsPerSecond: limit(settings.RATE_CONNECTIONS),
    pingIntervalMs: settings.PING_INTERVAL_MS,
    positionBounds: { min: settings.POSITION_MIN, max: settings.POSITION_MAX },
    logLevel: settings.LOG_LEVEL
  }
}

function limit (value: number): number {
  return value === 0 ? Infinity : value
}

function readRedis (settings: Settings, problems: string[]): Config['redis'] {
  const { REDIS_URL: url, REDIS_ADDR: addr, REDIS_PASS: password } = settings
  const db = settings.REDIS_DB === 0 ? undefined : settings.REDIS_DB
  if (url !== undefined && addr !== undefined) problems.push('REDIS_ADDR: not together with REDIS_URL')
  if (url === undefined) {
    return addr === undefined ? undefined : { url: `redis://${addr}`, password, db }
  }
  // The URL itself may hold a password, so it is not repeated.
  const isUrl = URL.canParse(url) && ['redis:', 'rediss:'].includes(new URL(url).protocol) && new URL(url).hostname !== ''
  if (!isUrl) problems.push('REDIS_URL: must be redis://host:port or rediss://host:port')
  return { url, password, db }
}

function readOrigins (list: string, problems: string[]): string[] {
  return split(list).map((item) => {
    if (item === '*' || item === 'null') return item
    const origin = URL.canParse(item) ? new URL(item).origin : 'null'
    if (origin === 'null' || !/^https?:$/.test(new URL(item).protocol)) {
      problems.push(`ALLOWED_ORIGINS: must be origins such as https://example.org, or *, not ${JSON.stringify(item)}`)
    }
    return origin
  })
}

function readProxies (list: string, problems: string[]): string[] {
  return split(list).map((item) => {
    const [address = '', bits] = item.split('/')
    const family = isIP(address)
    const isNamed = ['loopback', 'linklocal', 'uniquelocal'].includes(item)
    const isCidr = family !== 0 &&
      (bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)))
    if (!isNamed && !isCidr) {
      problems.push(`TRUST_PROXY: must be addresses, CIDRs, loopback, linklocal or uniquelocal, not ${JSON.stringify(item)}`)
    }
    return item
  })
}

function split (list: string): string[] {
  return list.split(',').map((item) => item.trim()).filter((item) => item !== '')
}
