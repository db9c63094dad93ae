import {
  createLocalJWKSet, createRemoteJWKSet, customFetch, errors, type ExportedJWKSCache, type JWKSCacheInput, jwksCache,
  type JWTVerifyGetKey
} from 'jose'

/** The issuer's keys could not be fetched: nobody can tell whether a token is good. */
export class KeysUnavailable extends Error {}

class FetchFailed extends Error {}

const FETCH_TIMEOUT_MS = 3_000
const MAX_BYTES = 1_048_576
// A token that names a key we do not have may be of a new one; but anybody can make up such tokens.
const COOLDOWN_MS = 30_000
// A key that its issuer has withdrawn is believed no longer than this,
const MAX_AGE_MS = 600_000
// and where the issuer cannot be reached no longer than this: its outage must not lock everyone out.
const MAX_STALE_MS = 3_600_000
// Nor does every token ask it once more.
const RETRY_MS = 2_000

/** The keys of an issuer. */
export interface RemoteKeys {
  /** Rejects with KeysUnavailable, or for a token that names none of them. */
  readonly getKey: JWTVerifyGetKey
  /** Fetches them before anybody needs them. Never rejects. */
  load (): Promise<void>
}

/**
 * The keys at a JWKS address (RFC 7517), fetched when first needed, again when they are old or a token names one that
 * is not among them, and never more often than the bounds above, whatever tokens are tried.
 * @param onFailure told why, each time that they could not be fetched
 */
export function remoteKeys (
  url: URL, onFailure: (problem: string) => void, now = () => performance.now()
): RemoteKeys {
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
      if (now() - failedMs < RETRY_MS) throw new FetchFailed('not again so soon')
      try {
        return await fetchKeys(...request)
      } catch (error) {
        failedMs = now()
        const { message, cause } = error as Error
        onFailure((cause as NodeJS.ErrnoException | undefined)?.code ?? message)
        throw new FetchFailed(message, { cause: error })
      }
    }
  })
  const getKey: JWTVerifyGetKey = async (header, token) => {
    try {
      return await keys(header, token)
    } catch (error) {
      // Whatever else is wrong is wrong with the token, or with the key that it names.
      if (!(error instanceof FetchFailed || error instanceof errors.JWKSTimeout)) throw error
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
  return { getKey, load: () => keys.reload().catch(() => {}) }
}

/** Whoever is at that address is not let fill the memory. */
async function fetchKeys (url: string, options: RequestInit): Promise<Response> {
  const { status, body } = await fetch(url, options)
  if (status !== 200) throw new Error(`HTTP status ${status}`)
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body!) {
    bytes += chunk.length
    if (bytes > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks).toString()
  if (!isKeySet(text)) throw new Error('no set of keys (RFC 7517)')
  return new Response(text, { status })
}

function isKeySet (text: string): boolean {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown }
    return Array.isArray(keys) && keys.every((key) => typeof key === 'object' && key !== null)
  } catch {
    return false
  }
}
