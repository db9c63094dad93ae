import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import rateLimit, { type FastifyRateLimitStore } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { BrokerError, refusal } from '../protocol/codes.ts'
import type { Counted, Quota } from '../quota/quota.ts'
import type { SessionCounts } from '../session/counts.ts'
import type { Clock } from '../session/rate-limit.ts'
import { AddressRates } from './address-rates.ts'
import { networkOf } from './admission.ts'
import type { IsProxy } from './sockets.ts'
import { RateLimited, sendRefusal } from './errors.ts'
import { hangUp } from './hang-up.ts'

const WINDOW_MS = 1_000
const UNTOLD = { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false }
// A Redis that does not answer must not hold a request up that it would hold up itself.
const PATIENCE_MS = 250

/** Routes that the limit does not hold for: those that watch a replica, and the upgrade, which has its own. */
export const UNLIMITED = { config: { rateLimit: false } } as const

// So many requests of an address in a second that are refused, or not limited, are answered, with bursts of twice as
// many; then it is hung up on.
const SPARE_PER_SECOND = 100

/** What each address has to spare beyond its limit: a refusal costs others nearly what an answer does. */
export function spareRates (isLimited: boolean, now: Clock): AddressRates {
  return new AddressRates(isLimited ? SPARE_PER_SECOND : Infinity, now)
}

/** Hangs up on whoever asks beyond their limit, and has no more to spare. @returns whether it did */
export type Spend = (socket: Socket) => boolean

/**
 * @param isProxy whether an address is a proxy's, which is many clients
 * @param onHangUp called with the address of whoever is hung up on
 */
export function spendOf (
  spare: AddressRates, isProxy: IsProxy, onHangUp: (address: string) => void
): Spend {
  return (socket) => {
    const { remoteAddress } = socket
    if (remoteAddress === undefined || isProxy(remoteAddress, 0)) return false
    if (spare.take(networkOf(remoteAddress)) === 0) return false
    onHangUp(networkOf(remoteAddress))
    hangUp(socket)
    return true
  }
}

/** What no limit is for costs something, too. */
export function spendOnUnlimited (app: FastifyInstance, spend: Spend): void {
  app.addHook('onRequest', (request, reply, done) => {
    // The plugin for CORS answers preflights itself.
    const isUnlimited = request.method === 'OPTIONS' || request.routeOptions.config.rateLimit === false
    if (isUnlimited && spend(request.raw.socket)) reply.hijack()
    done()
  })
}

interface RateLimitOptions {
  readonly quota: Quota
  /** Infinity for no limit. */
  readonly perSecond: number
  readonly spend: Spend
  readonly counts: Pick<SessionCounts, 'overHttpRate'>
}

/** So many requests of one address in a second, over all replicas. */
export async function registerRateLimit (
  app: FastifyInstance, { quota, perSecond, spend, counts }: RateLimitOptions
): Promise<void> {
  const isLimited = perSecond !== Infinity
  await app.register(rateLimit, {
    global: isLimited,
    max: perSecond,
    timeWindow: WINDOW_MS,
    keyGenerator: (request: FastifyRequest) => networkOf(request.ip),
    store: storeOf(quota, perSecond),
    onExceeded: (request: FastifyRequest) => {
      counts.overHttpRate++
      spend(request.raw.socket)
    },
    errorResponseBuilder: (_request, { ttl }) => new RateLimited(ttl),
    // `Retry-After` is ours; the others would tell a client what it need not know.
    addHeaders: { ...UNTOLD, 'retry-after': false },
    addHeadersOnExceeding: UNTOLD
  })
  const limit = isLimited ? { preHandler: app.rateLimit() } : {}
  app.setNotFoundHandler(limit, (_request, reply) => sendRefusal(reply, refusal('not_found')))
}

/**
 * The plugin's own store for Redis knows no deadline. Where Redis is away, or slow, this replica counts for itself,
 * with bursts of twice the rate.
 */
function storeOf (quota: Quota, perSecond: number): new () => FastifyRateLimitStore {
  const own = new AddressRates(perSecond, () => performance.now())
  const ownCount = (address: string): Counted => {
    const waitMs = own.take(address)
    return waitMs === 0 ? { count: 0, leftMs: 0 } : { count: Infinity, leftMs: waitMs }
  }
  return class implements FastifyRateLimitStore {
    incr (address: string, callback: (error: Error | null, result?: { current: number, ttl: number }) => void): void {
      count(quota, address).then((counted) => {
        const { count, leftMs } = counted ?? ownCount(address)
        callback(null, { current: count, ttl: leftMs })
      }, callback)
    }

    child (): this {
      return this
    }
  }
}

/** Over all replicas; undefined where Redis does not say in time. */
async function count (quota: Quota, address: string): Promise<Counted | undefined> {
  const patience = new AbortController()
  try {
    return await Promise.race([
      quota.add(`http:${address}`, 1, WINDOW_MS),
      delay(PATIENCE_MS, undefined, { signal: patience.signal }).catch(() => undefined)
    ])
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    return undefined
  } finally {
    patience.abort()
  }
}
