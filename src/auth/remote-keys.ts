import { createLocalJWKSet, createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose'

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
  let fetchedMs = -Infinity
  let stale: JWTVerifyGetKey | undefined
  const keys = createRemoteJWKSet(url, {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cooldownDuration: COOLDOWN_MS,
    cacheMaxAge: MAX_AGE_MS,
    [customFetch]: async (...request) => {
      if (now() - failedMs < RETRY_MS) throw new Error('not again so soon')
      const response = await fetch(...request)
      if (response.status === 200) fetchedMs = now()
      return response
    }
  })
  return async (header, token) => {
    try {
      const key = await keys(header, token)
      stale = undefined
      return key
    } catch (error) {
      if (isTokensFault(error)) throw error
      if (now() - failedMs >= RETRY_MS) failedMs = now()
      const known = keys.jwks()
      if (known === undefined || now() - fetchedMs > MAX_STALE_MS) throw new KeysUnavailable('JWKS', { cause: error })
      stale ??= createLocalJWKSet(known)
      try {
        return await stale(header, token)
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
