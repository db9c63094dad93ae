import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { Crowd } from '../../bench/crowd.ts'
import type { Fault, Target } from '../../bench/faults.ts'
import { seeded } from '../../bench/random.ts'
import { RedisServer } from '../../cluster/redis.ts'
import { type RunningGateway, startGateway } from '../helpers/gateway.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'

const ROOM = 'storm'
const LOG_ENTRIES = 5_000
const UNLIMITED = { MAX_CONNECTIONS_PER_ADDRESS: '0', RATE_PUBLISHES: '0', RATE_REQUESTS: '0', RATE_CONNECTIONS: '0' }

interface FaultWorld {
  readonly target: Target
  readonly gateways: readonly RunningGateway[]
  readonly crowd: Crowd
  readonly prefix: string
}

/** Two replicas, each behind a proxy of its own before one Redis, and clients that resume while publishers publish. */
export async function startFaultWorld (test: Test, settings: Record<string, string> = {}): Promise<FaultWorld> {
  const redis = await RedisServer.start()
  const proxies = await Promise.all([1, 2].map(() => TcpProxy.start(test, redis.port, 'redis')))
  const prefix = `t${randomBytes(6).toString('hex')}:`
  const gateways = await Promise.all(proxies.map((proxy, index) => startGateway(test, {
    ...UNLIMITED,
    PING_INTERVAL_MS: '2000',
    // Whoever is away for 20 s is still within retention.
    LOG_ENTRIES: String(LOG_ENTRIES),
    REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
    REDIS_PREFIX: prefix,
    REPLICA: `gw-${index}`,
    ...settings
  })))
  const urls = gateways.map(({ ws }) => ws)
  const crowd = new Crowd(urls, {
    room: ROOM, clients: 8, publishers: 2, messagesPerSecond: 50, logEntries: LOG_ENTRIES
  })
  const target = { redis, proxies, replicas: [], clients: crowd.clients, damaged: () => crowd.ledger.damaged() }
  test.teardown(async () => {
    crowd.close()
    await target.redis.stop()
  })
  await crowd.join()
  crowd.resume()
  await crowd.healed(5_000)
  return { target, gateways, crowd, prefix }
}

/** The fault strikes; when it is over everything heals in time, and the ledger is clean. */
export async function survive (
  test: Test, { target, crowd, prefix }: FaultWorld, fault: Fault, seed = 1
): Promise<{ healedMs: number }> {
  await fault.strike(target, seeded(seed))
  const healedMs = await crowd.healed(fault.healMs + 5_000)
  await crowd.rest(target.redis.url, prefix)
  const { counts, slowestMs } = crowd.answers
  test.comment(`healed after ${Math.round(healedMs)} ms; answers ${JSON.stringify(counts)}, the slowest after ` +
    `${Math.round(slowestMs)} ms; gaps ${JSON.stringify(crowd.ledger.gaps)}`)
  test.strictSame(crowd.ledger.verdict(), [], crowd.ledger.examples.join('; '))
  test.ok(healedMs < fault.healMs, `healed after ${Math.round(healedMs)} ms`)
  test.ok(slowestMs < 2_000, `publishers were answered within ${Math.round(slowestMs)} ms`)
  if (fault.isLogIntact) test.strictSame(crowd.ledger.gaps, [], 'no gap, because the log is intact')
  else test.ok(crowd.ledger.gaps.length > 0, 'it did strike')
  if (fault.answer !== undefined) test.ok((counts[fault.answer] ?? 0) > 0, `some were answered ${fault.answer}`)
  if (fault.leastHealMs !== undefined) test.ok(healedMs > fault.leastHealMs, 'it did strike')
  test.equal(counts['no answer'], undefined, 'every publish was answered')
  test.strictSame(crowd.errors, [])
  return { healedMs }
}
