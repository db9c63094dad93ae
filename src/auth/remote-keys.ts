import {
  createLocalJWKSet, createRemoteJWKSet, customFetch, errors, type ExportedJWKSCache, type JWKSCacheInput, jwksCache,
  type JWTVerifyGetKey
} from 'jose'

/** The issuer's keys could not be fetched: nobody can tell whether a token is good. */
export class KeysUnavailable extends Error {}

const FETCH_TIMEOUT_MS = 3_000
// A token that names a key we do not have may be of a new one; but anybody can make up such tokens.
const COOLDOWN_MS = 30_000
// A key that its issuer has withdrawn is believed no longer than this,
const MAX_AGE_MS = 600_000
// and where the issuer cannot be reached no longer than this: its outage must not lock everyone out.
const MAX_STALE_MS = 3_600_000
// Nor does every token ask it once more.
const RETRY_MS = 2_000

/**
 * The keys at a JWKS address (RFC 7517), fetched when first needed, again when they are old or a token names one that
 * is not among them, and never more often than the bounds above, whatever tokens are tried.
 */
export function remoteKeys (url: URL, now = () => performance.now()): JWTVerifyGetKey {
  let failedMs = -Infinity
  // The newest keys, and when they came; jose writes it whenever keys have come that it can read.
  const known: Partial<ExportedJWKSCache> = {}
  let stale: { readonly of: object, readonly keys: JWTVerifyGetKey } | undefined
  const keys = createRemoteJWKSet(url, {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cooldownDuration: COOLDOWN_MS,
    cacheMaxAge: MAX_AGE_MS,
    [jwksCache]: known as JWKSCacheInput,
    [customFetch]: async (...request) => {
      if (now() - failedMs < RETRY_MS) throw new Error('not again so soon')
      return await fetch(...request)
    }
  })
  return async (header, token) => {
    try {
      return await keys(header, token)
    } catch (error) {
      if (isTokensFault(error)) throw error
      if (now() - failedMs >= RETRY_MS) failedMs = now()
      const { jwks, uat = -Infinity } = known
      // jose counts by the same clock.
      if (jwks === undefined || Date.now() - uat > MAX_STALE_MS) throw new KeysUnavailable('JWKS', { cause: error })
      if (stale?.of !== jwks) stale = { of: jwks, keys: createLocalJWKSet(jwks) }
      try {
        return await stale.keys(header, token)
      } catch {
        throw new KeysUnavailable('JWKS', { cause: error })
      }
    }
  }
}

/** It names no key of the issuer's, more than one, or an algorithm that no key is for. */
function isTokensFault (error: unknown): boolean {
  return error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
}
