import { isIP } from 'node:net'
import { availableParallelism, hostname } from 'node:os'
import type { TokenSettings } from './auth/tokens.ts'
import { ConfigError } from './config-error.ts'
import { type FilesConfig, readFiles } from './files-config.ts'
import { newEpoch } from './log/ids.ts'
import { checkRoomRules, readRoomRules, RoomRules, type WrittenRules } from './room-rules.ts'
import { limit, MIN_SECRET_BYTES, readSettings, REPLICA_CHARS, type Settings } from './settings.ts'
import { readWebhooks, type WebhookSettings } from './webhooks/settings.ts'

const USER_CONNECTIONS = 5
// As much as it takes to say anything.
const MIN_MESSAGE_BYTES = 128

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
  /** How many processes main.ts makes of one; a gateway that is embedded is always one. */
  readonly workers: number
  /** Undefined: open. */
  readonly tokens: TokenSettings | undefined
  readonly allowedOrigins: readonly string[]
  readonly trustProxy: readonly string[]
  readonly rules: RoomRules
  readonly maxMessageBytes: number
  readonly sendQueueBytes: number
  readonly flushMs: number
  /** Infinity for no compression. */
  readonly deflateBytes: number
  readonly presenceLeaseMs: number
  readonly presenceGraceMs: number
  readonly stallTimeoutMs: number
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly maxRooms: number
  readonly maxRoomsPerConnection: number
  readonly requestsPerSecond: number
  readonly publishesPerSecond: number
  readonly bytesPerSecond: number
  readonly userPublishesPerSecond: number
  readonly httpRequestsPerSecond: number
  readonly connectionsPerSecond: number
  readonly maxLoopDelayMs: number
  readonly pingIntervalMs: number
  readonly drainMs: number
  readonly maxConnectionAgeMs: number
  /** Undefined: nobody is told outside. */
  readonly webhooks: WebhookSettings | undefined
  readonly positionBounds: { readonly min: number, readonly max: number }
  /** Undefined where no files are shared. */
  readonly files: FilesConfig | undefined
  readonly logLevel: string
}

/**
 * Reads the settings.
 * @param written rules of rooms, where they are not in a file
 * @throws ConfigError that names every bad one at once
 */
export function loadConfig (env: Readonly<Record<string, string | undefined>>, written?: WrittenRules): Config {
  const problems: string[] = []
  const config = toConfig(readSettings(env, problems), problems, written)
  if (problems.length > 0) throw new ConfigError(problems)
  return config
}

function toConfig (settings: Settings, problems: string[], written: WrittenRules | undefined): Config {
  const { MAX_MESSAGE_BYTES: maxMessageBytes } = settings
  if (maxMessageBytes > 0 && maxMessageBytes < MIN_MESSAGE_BYTES) {
    problems.push(`MAX_MESSAGE_BYTES: must be 0, for no limit, or at least ${MIN_MESSAGE_BYTES}`)
  }
  if (settings.POSITION_MIN > settings.POSITION_MAX) problems.push('POSITION_MIN: must not be above POSITION_MAX')
  return {
    port: settings.PORT,
    host: settings.HOST,
    redis: readRedis(settings, problems),
    redisPrefix: settings.REDIS_PREFIX,
    replica: settings.REPLICA ?? randomReplica(),
    workers: readWorkers(settings, problems),
    tokens: readTokens(settings, problems),
    allowedOrigins: readOrigins(settings.ALLOWED_ORIGINS, problems),
    trustProxy: readProxies(settings.TRUST_PROXY, problems),
    rules: readRules(settings, problems, written),
    maxMessageBytes: settings.MAX_MESSAGE_BYTES,
    sendQueueBytes: limit(settings.SEND_QUEUE_BYTES),
    flushMs: settings.FLUSH_MS,
    deflateBytes: limit(settings.DEFLATE_BYTES),
    presenceLeaseMs: settings.PRESENCE_LEASE_MS,
    presenceGraceMs: settings.PRESENCE_GRACE_MS,
    stallTimeoutMs: settings.STALL_TIMEOUT_MS,
    maxConnections: limit(settings.MAX_CONNECTIONS),
    maxConnectionsPerAddress: limit(settings.MAX_CONNECTIONS_PER_ADDRESS),
    maxRooms: limit(settings.MAX_ROOMS),
    maxRoomsPerConnection: limit(settings.MAX_ROOMS_PER_CONNECTION),
    requestsPerSecond: limit(settings.RATE_REQUESTS),
    publishesPerSecond: limit(settings.RATE_PUBLISHES),
    bytesPerSecond: limit(Number(settings.RATE_BYTES ?? settings.RATE_PUBLISHES * settings.MAX_MESSAGE_BYTES)),
    userPublishesPerSecond: limit(Number(settings.RATE_USER_PUBLISHES ?? USER_CONNECTIONS * settings.RATE_PUBLISHES)),
    httpRequestsPerSecond: limit(settings.RATE_HTTP),
    connectionsPerSecond: limit(settings.RATE_CONNECTIONS),
    maxLoopDelayMs: limit(settings.MAX_LOOP_DELAY_MS),
    pingIntervalMs: settings.PING_INTERVAL_MS,
    drainMs: settings.DRAIN_MS,
    maxConnectionAgeMs: limit(settings.MAX_CONNECTION_AGE_MS),
    webhooks: readWebhooks(settings, problems),
    positionBounds: { min: settings.POSITION_MIN, max: settings.POSITION_MAX },
    files: readFiles(settings, problems),
    logLevel: settings.LOG_LEVEL
  }
}

/** The name of a replica that was given none. */
export function randomReplica (): string {
  return `${hostname().replace(/[^A-Za-z0-9_.:-]/g, '-').slice(0, 48)}-${newEpoch().slice(0, 4)}`
}

function readWorkers ({ WORKERS: workers, REDIS_URL: url, REDIS_ADDR: addr, REPLICA: name = '' }: Settings, problems: string[]): number {
  const count = workers === 'auto' ? availableParallelism() : Number(workers)
  // Not by the number of cores: what starts here should start elsewhere.
  if (workers !== '1' && (url ?? addr) === undefined) problems.push(`WORKERS: ${workers} needs REDIS_URL or REDIS_ADDR`)
  const longest = REPLICA_CHARS - `-${count}`.length
  if (count > 1 && name.length > longest) problems.push(`REPLICA: must be at most ${longest} characters with WORKERS, whose names end in a number`)
  return count
}

function readRules (settings: Settings, problems: string[], written: WrittenRules | undefined): RoomRules {
  const defaults = { maxEntries: settings.LOG_ENTRIES, maxAgeMs: settings.LOG_MAX_AGE_MS }
  try {
    return written === undefined ? readRoomRules(settings.ROOMS_FILE, defaults) : checkRoomRules({ rooms: written }, '', defaults)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    problems.push(...error.problems)
    return new RoomRules({}, defaults)
  }
}

function readRedis (settings: Settings, problems: string[]): Config['redis'] {
  const { REDIS_URL: url, REDIS_ADDR: addr, REDIS_PASS: password } = settings
  const db = settings.REDIS_DB === 0 ? undefined : settings.REDIS_DB
  if (url !== undefined && addr !== undefined) problems.push('REDIS_ADDR: not together with REDIS_URL')
  // Neither is repeated in what is said of it: it may hold a password.
  if (url !== undefined && !isRedisUrl(url)) problems.push('REDIS_URL: must be redis://host:port or rediss://host:port (a user or password in it percent-encoded)')
  if (addr !== undefined && !isAddress(addr)) problems.push('REDIS_ADDR: must be host:port')
  if (url === undefined && addr === undefined) {
    // Alone they would quietly run the memory broker.
    if (password !== undefined) problems.push('REDIS_PASS: needs REDIS_URL or REDIS_ADDR')
    if (db !== undefined) problems.push('REDIS_DB: needs REDIS_URL or REDIS_ADDR')
  }
  const address = url ?? (addr && isAddress(addr) ? `redis://${addr}` : undefined)
  return address === undefined ? undefined : { url: address, password, db }
}

/** A name, an IPv4 address, or an IPv6 one in brackets; and a port. */
function isAddress (text: string): boolean {
  const port = Number(/^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})$/.exec(text)?.[1] ?? 0)
  return port > 0 && port < 65_536
}

function isRedisUrl (url: string): boolean {
  return URL.canParse(url) && ['redis:', 'rediss:'].includes(new URL(url).protocol) && new URL(url).hostname !== ''
}

/** Neither the secret nor the address, which may hold one, is repeated in what is said of it. */
function readTokens (settings: Settings, problems: string[]): TokenSettings | undefined {
  const { AUTH_SECRET: secret, AUTH_JWKS_URL: jwksUrl, AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience } = settings
  // RFC 7518 section 3.2: a key as long as the digest.
  if (secret !== undefined && Buffer.byteLength(secret.trim()) < MIN_SECRET_BYTES) {
    problems.push(`AUTH_SECRET: must be at least ${MIN_SECRET_BYTES} bytes (openssl rand -base64 48 makes one)`)
  }
  if (jwksUrl !== undefined && !(URL.canParse(jwksUrl) && /^https?:$/.test(new URL(jwksUrl).protocol))) {
    problems.push('AUTH_JWKS_URL: must be https://… (or http://… in a network that can be trusted)')
  }
  if (secret !== undefined || jwksUrl !== undefined) return { secret, jwksUrl, issuer, audience }
  if (settings.AUTH_REQUIRED === 1) problems.push('AUTH_REQUIRED: needs AUTH_SECRET or AUTH_JWKS_URL')
  // Alone they would quietly leave the gateway open.
  if (issuer !== undefined) problems.push('AUTH_ISSUER: needs AUTH_SECRET or AUTH_JWKS_URL')
  if (audience !== undefined) problems.push('AUTH_AUDIENCE: needs AUTH_SECRET or AUTH_JWKS_URL')
  return undefined
}

function readOrigins (list: string, problems: string[]): string[] {
  return split(list).map((item) => {
    if (item === '*' || item === 'null') return item
    const origin = URL.canParse(item) ? new URL(item).origin : 'null'
    // A path, or a star in a name, would not do what it seems to.
    if (!/^https?:/.test(origin) || origin.includes('*') || `${origin}/` !== new URL(item).href) {
      // What holds an @ may hold a password, and is not repeated.
      const shown = list.includes('@') ? '' : `, not ${JSON.stringify(item)}`
      problems.push(`ALLOWED_ORIGINS: must be origins such as https://example.org, or *${shown}`)
    }
    return origin
  })
}

function readProxies (list: string, problems: string[]): string[] {
  return split(list).map((item) => {
    const [address = '', bits, ...more] = item.split('/')
    const family = isIP(address)
    const isNamed = ['loopback', 'linklocal', 'uniquelocal'].includes(item)
    const isCidr = family !== 0 && more.length === 0 &&
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
