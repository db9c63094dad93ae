import { setTimeout as delay } from 'node:timers/promises'
import rateLimit, { type FastifyRateLimitStore } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { BrokerError, refusal } from '../protocol/codes.ts'
import type { Counted, Quota } from '../quota/quota.ts'
import { networkOf } from './admission.ts'
import { RateLimited, sendRefusal } from './errors.ts'

const WINDOW_MS = 1_000
// A Redis that does not answer must not hold a request up that it would hold up itself.
const PATIENCE_MS = 250

const UNCOUNTED: Counted = { count: 0, leftMs: 0 }

/** Routes that no limit holds for: those that watch a replica, and the upgrade, which has limits of its own. */
export const UNLIMITED = { config: { rateLimit: false } } as const

/** So many requests of one address in a second, over all replicas. @param perSecond Infinity for no limit */
export async function registerRateLimit (app: FastifyInstance, quota: Quota, perSecond: number): Promise<void> {
  const isLimited = perSecond !== Infinity
  await app.register(rateLimit, {
    global: isLimited,
    max: perSecond,
    timeWindow: WINDOW_MS,
    keyGenerator: (request: FastifyRequest) => networkOf(request.ip),
    store: storeOf(quota),
    errorResponseBuilder: (_request, { ttl }) => new RateLimited(ttl),
    // `Retry-After` is ours; the others would tell a client what it need not know.
    addHeaders: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false, 'retry-after': false },
    addHeadersOnExceeding: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false }
  })
  app.setNotFoundHandler(isLimited ? { preHandler: app.rateLimit() } : {}, (_request, reply) => sendRefusal(reply, refusal('not_found')))
}

/**
 * The plugin's own store for Redis knows no deadline. Where Redis is away, or slow, nothing is limited: what needs
 * Redis is refused anyway.
 */
function storeOf (quota: Quota): new () => FastifyRateLimitStore {
  return class implements FastifyRateLimitStore {
    incr (address: string, callback: (error: Error | null, result?: { current: number, ttl: number }) => void): void {
      const counted = quota.add(`http:${address}`, 1, WINDOW_MS).catch((error: unknown) => {
        if (!(error instanceof BrokerError)) throw error
        return UNCOUNTED
      })
      Promise.race([counted, delay(PATIENCE_MS, UNCOUNTED, { ref: false })]).then(
        ({ count, leftMs }) => callback(null, { current: count, ttl: leftMs }), callback)
    }

    child (): this {
      return this
    }
  }
}
