import { loadConfig } from '../../config.ts'
import { SETTINGS } from '../../settings.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import type { Io } from '../io.ts'
import type { Target } from '../options.ts'
import { type Finding, ok, skipped } from './finding.ts'
import { checkBuffering, checkForwardedFor, checkIdle } from './proxy.ts'
import { checkRedis, openRedis, type RedisPlace } from './redis.ts'
import { checkReplicas } from './replicas.ts'
import { createReport } from './report.ts'
import { checkSettings } from './settings.ts'
import { checkSite } from './site.ts'
import { checkToken } from './token.ts'
import { checkWebSocket } from './websocket.ts'

export interface DoctorOptions {
  readonly target: Target
  readonly redis: RedisPlace | undefined
  /** Of the pages that are to connect. */
  readonly origin: string | undefined
  /** Seconds; 0 for not at all. */
  readonly idleS: number
  readonly isJson: boolean
  /** Warnings count as faults. */
  readonly isStrict: boolean
}

const OLDEST_NODE = 20

/** Looks at a deployment, a line for each thing looked at. */
export async function runDoctor (options: DoctorOptions, io: Io, version: string): Promise<ExitCode> {
  const report = createReport(io, options.isJson)
  await report.group('this command', '', [checkNode(io.nodeVersion, version)])
  await report.group('settings', 'of this environment', checkSettings(io.env))
  await report.group('token', '', await checkToken(options.target.token, io.env, Date.now()))
  const redis = options.redis === undefined ? undefined : openRedis(options.redis)
  try {
    const findings = redis === undefined
      ? [skipped('reach', '--redis redis://… (or REDIS_URL) has it looked at')]
      : await checkRedis(redis, options.redis!)
    await report.group('redis', '', findings)
    await checkGateway(options, redis?.status === 'ready' ? redis : undefined, io, report.group)
  } finally {
    redis?.disconnect()
  }
  const { faults, warnings } = await report.end()
  return faults > 0 || (options.isStrict && warnings > 0) ? EXIT.failed : EXIT.done
}

async function checkGateway (
  { target, redis: place, origin, idleS }: DoctorOptions, redis: ReturnType<typeof openRedis> | undefined, io: Io,
  group: (name: string, of: string, findings: readonly Finding[]) => Promise<void>
): Promise<void> {
  const { findings, isGateway } = await checkSite(target)
  await group('gateway', '', findings)
  if (!isGateway) return
  const socket = await checkWebSocket(target, origin)
  await group('websocket', '', socket.findings)
  if (socket.welcome === undefined) return
  socket.welcome.socket.terminate()
  await group('replicas', '', await checkReplicas(target))
  await group('proxy', '', [
    await checkForwardedFor(target, redis, place?.prefix ?? SETTINGS.REDIS_PREFIX.default),
    await checkBuffering(target),
    await checkIdle(target, idleS, io.signal)
  ])
}

function checkNode (nodeVersion: string, version: string): Finding {
  const message = `tidegate ${version} on Node ${nodeVersion.replace(/^v/, '')}`
  return Number(/^v?(\d+)/.exec(nodeVersion)?.[1]) >= OLDEST_NODE
    ? ok('version', message)
    : { check: 'version', level: 'fault', message, advice: `Take Node ${OLDEST_NODE}.19 or later.` }
}

/** Where Redis is, by a flag or the environment; undefined for nowhere, or where the settings are wrong. */
export function redisPlaceOf (url: string | undefined, env: Io['env']): RedisPlace | undefined {
  const { REDIS_URL, REDIS_ADDR, REDIS_PASS, REDIS_DB, REDIS_PREFIX } = env
  const own = url === undefined ? { REDIS_URL, REDIS_ADDR } : { REDIS_URL: url }
  try {
    const { redis, redisPrefix } = loadConfig({ ...own, REDIS_PASS, REDIS_DB, REDIS_PREFIX })
    return redis && { ...redis, prefix: redisPrefix }
  } catch {
    return undefined
  }
}
