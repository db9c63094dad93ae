import envSchema from 'env-schema'
import { MAX_AGE_MS } from './room-rules.ts'

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
const A_DAY_MS = 86_400_000
/** A limit that is a multiple of another one, unless it is given. */
const NUMBER = { pattern: '^[0-9]{1,15}$' } as const
const WORKERS = { default: '1', pattern: '^(?:auto|[1-9][0-9]{0,2})$' } as const
/** A replica's name has at most so many. */
export const REPLICA_CHARS = 64
/** Of what signs: as long as the digest (RFC 7518 section 3.2). */
export const MIN_SECRET_BYTES = 32

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
 * limit off. docs/configuration.md shows this table, and a test holds the two together.
 */
export const SETTINGS = {
  PORT: integer(8080, 'port', 'where to listen; 0 takes a free one', 0, 65_535),
  HOST: text('the address to listen on', { default: '0.0.0.0' }),
  REDIS_URL: text('`redis://…` or `rediss://…`; unset runs the embedded memory broker, one replica'),
  REDIS_ADDR: text('`host:port`, instead of `REDIS_URL`'),
  REDIS_PASS: text('the password for Redis; never logged'),
  REDIS_DB: integer(0, 'number', 'the logical database; channels know none, so each deployment needs a prefix of its own', 0, 1_000_000),
  REDIS_PREFIX: text('of every key and channel', { default: 'tg:', pattern: '^[^{}\\s]*$' }),
  REPLICA: text("this replica's name, as `welcome` tells it; unset: the host name and a random suffix", {
    pattern: `^[A-Za-z0-9_.:-]{1,${REPLICA_CHARS}}$`
  }),
  AUTH_SECRET: text('the shared secret of tokens that are signed with HS256, at least 32 bytes; never logged'),
  AUTH_JWKS_URL: text("the address of an issuer's keys, for tokens that are signed with RS256, ES256 or EdDSA"),
  AUTH_REQUIRED: integer(0, '0 or 1', '1: without AUTH_SECRET or AUTH_JWKS_URL the gateway does not start, instead of standing open', 0, 1),
  AUTH_ISSUER: text('what `iss` of a token must be; unset: anything'),
  AUTH_AUDIENCE: text('what `aud` of a token must have; unset: anything'),
  ALLOWED_ORIGINS: text("origins besides the gateway's own, comma-separated, or `*`", { default: '' }),
  TRUST_PROXY: text('addresses or CIDRs of the proxies in front, comma-separated', { default: 'loopback' }),
  FILES: text('`off`: nobody shares files; `auto`: they are kept where FILES_S3_URL or FILES_DIR says', { default: 'auto', enum: ['auto', 'off'] }),
  FILES_DIR: text('the folder for shared files, the same one for all replicas (docs/files.md); unset: a temporary one, or with Redis none, and no files'),
  FILES_S3_URL: text('instead: the address of a bucket of S3 or of what speaks like it, `https://host/bucket`'),
  FILES_S3_REGION: text('its region', { default: 'us-east-1' }),
  FILES_S3_KEY_ID: text('the id of the access key for it'),
  FILES_S3_SECRET: text('its secret; never logged'),
  FILES_SECRET: text('signs links to files, at least 32 bytes; never logged; unset: AUTH_SECRET'),
  FILE_MAX_BYTES: integer(10_485_760, 'bytes', 'the largest file that is taken', 1, 2 ** 40),
  FILES_MAX_BYTES: integer(1_073_741_824, 'bytes', 'all files together in FILES_DIR; above it none is taken'),
  FILES_MAX_AGE_MS: integer(A_DAY_MS, 'ms', 'how long they are kept in FILES_DIR', 0, MAX_AGE_MS),
  RATE_FILES: integer(30, 'a minute', 'files of one user, or of one address where auth is off, over all replicas'),
  ROOMS_FILE: text('rules by room name, YAML or JSON (docs/rooms.md); unset: the built-in ones'),
  LOG_ENTRIES: integer(500, 'messages', 'how many a `log` room keeps', 1, 1_000_000),
  LOG_MAX_AGE_MS: integer(900_000, 'ms', 'how long a `log` room keeps them; 0 for as long as Redis does', 0, MAX_AGE_MS),
  MAX_MESSAGE_BYTES: integer(65_536, 'bytes', 'the largest frame or body that is taken; at least 128, or 0 for any', 0, 2 ** 30),
  SEND_QUEUE_BYTES: integer(262_144, 'bytes', "a connection's send queue, above which it falls behind"),
  FLUSH_MS: integer(0, 'ms', 'for which all that is sent, replies too, waits so that more can join it; 0: under load alone, and 25 at most', 0, 1_000),
  DEFLATE_BYTES: integer(0, 'bytes', 'frames of at least so many, up to 64 KiB, are compressed for clients that ask for it (permessage-deflate); 0 for none', 0, 65_536),
  PRESENCE_LEASE_MS: integer(5_000, 'ms', 'a replica that says nothing for so long has lost its members', 500, 300_000),
  PRESENCE_GRACE_MS: integer(3_000, 'ms', 'a user whose connection broke may come back for so long without being told of', 0, 300_000),
  STALL_TIMEOUT_MS: integer(30_000, 'ms', 'a connection that takes none of the bytes that wait for it for so long is ended', 0, LONGEST_TIMER_MS),
  MAX_CONNECTIONS: integer(20_000, 'connections', 'at once on this replica'),
  MAX_CONNECTIONS_PER_ADDRESS: integer(200, 'connections', 'at once from one address'),
  MAX_ROOMS: integer(100_000, 'rooms', 'that this replica may follow at once'),
  MAX_ROOMS_PER_CONNECTION: integer(128, 'rooms', 'that one connection may be in'),
  RATE_REQUESTS: integer(50, 'a second', 'requests of one connection; bursts of twice as many'),
  RATE_PUBLISHES: integer(20, 'a second', 'messages, broadcasts and moves of one connection; bursts of twice as many'),
  RATE_BYTES: text('bytes a second of one connection, bursts of twice as many; unset: RATE_PUBLISHES times MAX_MESSAGE_BYTES', NUMBER),
  RATE_USER_PUBLISHES: text('as RATE_PUBLISHES, of one user over all connections and replicas, where auth is on; unset: 5 times that', NUMBER),
  RATE_HTTP: integer(100, 'a second', 'requests over HTTP of one address, over all replicas'),
  RATE_CONNECTIONS: integer(500, 'a second', 'new connections on this replica; bursts of twice as many'),
  MAX_LOOP_DELAY_MS: integer(200, 'ms', 'above this mean delay of the event loop new connections are refused', 0, LONGEST_TIMER_MS),
  PING_INTERVAL_MS: integer(25_000, 'ms', 'between heartbeats; silence of two and a half is the end', 0, LONGEST_TIMER_MS),
  DRAIN_MS: integer(20_000, 'ms', 'over which SIGTERM sends the connections away; SIGINT does so over 1 s at most', 0, A_DAY_MS),
  MAX_CONNECTION_AGE_MS: integer(0, 'ms', 'after which a connection is sent to come anew, 20 % more or less', 0, 365 * A_DAY_MS),
  WEBHOOK_URL: text('where events of rooms are posted (docs/webhooks.md); unset: nowhere. Of it only the host is logged'),
  WEBHOOK_SECRET: text('what they are signed with: `whsec_` and base64, or several with commas while it is changed; never logged'),
  WEBHOOK_EVENTS: text('which of them, comma-separated: `room.occupied`, `room.vacated`, `member.joined`, `member.left`; unset: all'),
  WEBHOOK_TIMEOUT_MS: integer(10_000, 'ms', 'after which a try without an answer has failed', 100, 60_000),
  WEBHOOK_BATCH_MS: integer(500, 'ms', 'for which events wait so that more can join them', 10, 60_000),
  WEBHOOK_RETRY_MS: integer(60_000, 'ms', 'the longest that a target which fails is left alone, also where it asks for more', 100, 3_600_000),
  WEBHOOK_QUEUE: integer(10_000, 'events', 'that may wait, over all replicas; above it the oldest are dropped', 1, 1_000_000),
  WEBHOOK_MAX_AGE_MS: integer(A_DAY_MS, 'ms', 'after which an event that nobody took is dropped', 1_000, MAX_AGE_MS),
  POSITION_MIN: integer(-LARGEST, 'position', 'the lower bound of the car', -LARGEST),
  POSITION_MAX: integer(LARGEST, 'position', 'the upper bound of the car', -LARGEST),
  WORKERS: text('processes that share the port, each a replica of its own; `auto`: one for each core; above 1 Redis is needed', WORKERS),
  LOG_LEVEL: text("pino's", {
    default: 'info',
    enum: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']
  })
} as const

/** Settings of later releases. To ignore one of these would leave a gateway alone that should not be. */
const NOT_YET = ['REDIS_MODE'] as const

/** Every variable that the gateway reads, or refuses. */
export const VARIABLES: readonly string[] = [...Object.keys(SETTINGS), ...NOT_YET]

type SettingValue<S> = S extends { type: 'integer' } ? number : S extends { default: string } ? string : string | undefined
/** The settings as the environment gives them, checked, with their defaults. */
export type Settings = { readonly [Name in keyof typeof SETTINGS]: SettingValue<(typeof SETTINGS)[Name]> }

/** A limit that is turned off is Infinity. */
export function limit (value: number): number {
  return value === 0 ? Infinity : value
}

/**
 * Reads the settings, with their defaults.
 * @param problems what is wrong with the environment is added here; what is bad is left out of the result
 */
export function readSettings (env: Readonly<Record<string, string | undefined>>, problems: string[]): Settings {
  // An empty variable is an unset one, as in a compose file's `${VAR:-}`.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  for (const name of NOT_YET) if (given[name] !== undefined) problems.push(`${name}: not supported by this version`)
  return check(given, problems)
}

function check (given: Record<string, string | undefined>, problems: string[]): Settings {
  const properties = Object.fromEntries(Object.entries(SETTINGS).map(([name, { unit, ...schema }]) => [name, schema]))
  const rest = { ...given }
  for (const [name, { type }] of Object.entries(SETTINGS)) {
    const value = given[name]
    // 0x10 and 1e3 would pass for integers.
    if (type !== 'integer' || value === undefined || /^-?[0-9]+$/.test(value)) continue
    problems.push(problem(name as keyof Settings, '', value))
    delete rest[name]
  }
  try {
    return envSchema<Settings>({ schema: { type: 'object', properties }, data: rest, env: false })
  } catch (error) {
    const faults = (error as { errors?: Array<{ instancePath: string, message: string }> }).errors
    if (faults === undefined) throw error
    for (const { instancePath, message } of faults) {
      const name = instancePath.slice(1) as keyof Settings
      problems.push(problem(name, message, rest[name]!))
      delete rest[name]
    }
    // Once more without the bad ones, so that what is wrong with the others comes to light too.
    return check(rest, problems)
  }
}

function problem (name: keyof Settings, message: string, value: string): string {
  return `${name}: ${describe(name, message)}, not ${JSON.stringify(value)}`
}

function describe (name: keyof Settings, message: string): string {
  const setting: IntegerSetting | TextSetting = SETTINGS[name]
  if (setting.type === 'integer') return `must be an integer of ${setting.minimum} to ${setting.maximum}`
  if (setting.pattern === NUMBER.pattern) return 'must be an integer of at least 0'
  if (setting.pattern === WORKERS.pattern) return 'must be an integer of 1 to 999, or auto'
  return setting.enum === undefined ? message : `must be one of ${setting.enum.join(', ')}`
}
