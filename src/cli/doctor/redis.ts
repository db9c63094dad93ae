import { Redis } from 'ioredis'
import { commandsUsed, findDenied } from '../../redis/acl-check.ts'
import { Keys } from '../../redis/keys.ts'
import { describe } from '../socket.ts'
import { millis } from '../words.ts'
import { fault, type Finding, ok, skipped, warning } from './finding.ts'

export interface RedisPlace {
  readonly url: string
  readonly password: string | undefined
  readonly db: number | undefined
  readonly prefix: string
}

const CONNECT_TIMEOUT_MS = 3_000
const COMMAND_TIMEOUT_MS = 2_000
const PINGS = 30
// A publish is one round trip: a Redis in the same network takes less than a millisecond.
const SLOW_MS = 10
// The gateway gives up on a command after 1.5 s.
const BAD_MS = 250
const LATE_CLOCK_MS = 2_000

/** A connection that tries once, and waits for nothing for long. */
export function openRedis ({ url, password, db }: RedisPlace): Redis {
  const redis = new Redis(url, {
    lazyConnect: true,
    disableClientInfo: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    ...(password === undefined ? {} : { password }),
    ...(db === undefined ? {} : { db })
  })
  return redis
}

/** What of this Redis a gateway could not live with, or should not. */
export async function checkRedis (redis: Redis, { url, prefix }: RedisPlace): Promise<Finding[]> {
  const where = new URL(url).host
  let problem: unknown
  redis.on('error', (error) => { problem ??= error })
  try {
    await redis.connect()
    await redis.ping()
  } catch (error) {
    return [unusable(where, problem ?? error)]
  }
  const memory = await infoOf(redis, 'memory')
  const server = await infoOf(redis, 'server')
  const replication = await infoOf(redis, 'replication')
  const persistence = await infoOf(redis, 'persistence')
  return [
    checkVersion(where, server),
    ...checkRole(server, replication),
    ...checkEviction(memory),
    ...checkPersistence(persistence),
    await checkRights(redis, prefix),
    await checkLatency(redis),
    await checkClock(redis)
  ]
}

function unusable (where: string, error: unknown): Finding {
  const message = describe(error)
  if (/NOAUTH|WRONGPASS|AUTH/.test(message)) {
    return fault('reach', `${where} answers, and does not let us in`, 'Look at the user and password in REDIS_URL, or at REDIS_PASS.')
  }
  return fault('reach', `${where} cannot be reached: ${message}`, 'Is Redis up, is its port open from here, and is REDIS_URL right (rediss:// for TLS)?')
}

/** Undefined where this user may not ask. */
async function infoOf (redis: Redis, section: string): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const lines = (await redis.info(section)).split('\r\n').filter((line) => line.includes(':'))
    return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]))
  } catch {
    return undefined
  }
}

type Info = ReadonlyMap<string, string> | undefined

function checkVersion (where: string, server: Info): Finding {
  const version = server?.get('redis_version')
  if (version === undefined) return skipped('version', `${where} answers; its user may not ask for INFO`)
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const name = `${where} answers; Redis ${version}`
  if (major < 6 || (major === 6 && minor < 2)) return fault('version', `${name}: too old`, 'The gateway needs 6.2; take 7.2 or later.')
  return major < 7 ? warning('version', `${name}: before 7 it cannot tell which rights are missing`, 'Take 7.2 or later.') : ok('version', name)
}

function checkRole (server: Info, replication: Info): Finding[] {
  const findings: Finding[] = []
  if (server?.get('redis_mode') === 'cluster') {
    findings.push(fault('mode', 'it is a Redis Cluster, which this version does not speak', 'Use a single primary (with replicas, if you like).'))
  }
  if (replication?.get('role') === 'slave') {
    findings.push(fault('role', 'it is a read-only replica of another Redis: nothing can be published', 'Point REDIS_URL at the primary.'))
  }
  return findings
}

function checkEviction (memory: Info): Finding[] {
  const policy = memory?.get('maxmemory_policy')
  if (policy === undefined) return [skipped('eviction', 'its user may not ask for INFO memory')]
  const advice = 'CONFIG SET maxmemory-policy noeviction, and the same in redis.conf (docs/recovery.md).'
  if (policy.startsWith('allkeys-')) return [fault('eviction', `maxmemory-policy is ${policy}: logs are thrown away when memory is short`, advice)]
  const findings = [policy === 'noeviction'
    ? ok('eviction', 'maxmemory-policy is noeviction')
    : warning('eviction', `maxmemory-policy is ${policy}: logs have a time to live, and are thrown away when memory is short`, advice)]
  const [used, most] = [Number(memory?.get('used_memory')), Number(memory?.get('maxmemory'))]
  if (most > 0 && used > 0.9 * most) {
    findings.push(warning('memory', `${Math.round(100 * used / most)} % of maxmemory are used`, 'Publishing fails at 100 %: give it more, or keep less (LOG_ENTRIES, LOG_MAX_AGE_MS).'))
  }
  return findings
}

function checkPersistence (persistence: Info): Finding[] {
  if (persistence === undefined) return []
  if (persistence.get('rdb_last_bgsave_status') === 'err') {
    return [fault('persistence', 'its last save failed: by default it refuses to write then', 'Look at its disk, and at its log.')]
  }
  return persistence.get('aof_enabled') === '1'
    ? [ok('persistence', 'appendonly is on')]
    : [warning('persistence', 'appendonly is off: what was acked may be gone after a restart of Redis (clients are told by a gap)', 'appendonly yes, where that is not meant (docs/recovery.md).')]
}

async function checkRights (redis: Redis, prefix: string): Promise<Finding> {
  const denied = await findDenied(redis, commandsUsed(new Keys(prefix)))
  if (denied === undefined) return skipped('rights', 'it does not tell which rights its users have')
  if (denied.length === 0) return ok('rights', `its user may do all that is needed with ${prefix}*`)
  return fault('rights', `its user may not: ${denied.join(', ')}`, 'deploy/redis/users.acl has the rights that are needed; is REDIS_PREFIX the one that the user is for?')
}

async function checkLatency (redis: Redis): Promise<Finding> {
  const times: number[] = []
  for (let n = 0; n < PINGS; n++) {
    const startMs = performance.now()
    await redis.ping()
    times.push(performance.now() - startMs)
  }
  times.sort((a, b) => a - b)
  const median = times[PINGS >> 1]!
  const message = `PING ${millis(median)} (half), ${millis(times.at(-1)!)} (slowest of ${PINGS})`
  const advice = 'Every publish waits for one: keep Redis in the same zone as the gateways.'
  if (median > BAD_MS) return fault('latency', message, advice)
  return median > SLOW_MS ? warning('latency', message, advice) : ok('latency', message)
}

/** Redis's clock is the one that replicas share; timestamps of messages are its. */
async function checkClock (redis: Redis): Promise<Finding> {
  const beforeMs = Date.now()
  const [seconds, micros] = await redis.time() as unknown as [string, string]
  const afterMs = Date.now()
  const offMs = Number(seconds) * 1_000 + Number(micros) / 1_000 - (beforeMs + afterMs) / 2
  return clock('Redis', offMs)
}

/** @param offMs how far a clock is ahead of this machine's */
export function clock (whose: string, offMs: number, resolutionMs = 1): Finding {
  const off = Math.max(0, Math.abs(offMs) - resolutionMs)
  if (off < LATE_CLOCK_MS) return ok('clock', `${whose}: within ${millis(Math.max(off, resolutionMs))} of this machine's`)
  const message = `${whose}: ${millis(off)} ${offMs > 0 ? 'ahead of' : 'behind'} this machine's`
  return warning('clock', message, 'Set all clocks by NTP: tokens are taken up to 5 s past their end, and timestamps are Redis\'s.')
}
