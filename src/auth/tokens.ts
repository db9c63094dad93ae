import { errors, type JWTPayload, jwtVerify, type JWTVerifyOptions, type ProtectedHeaderParameters, decodeProtectedHeader } from 'jose'
import { type Refusal, refusal } from '../protocol/codes.ts'
import { type Authenticator, type Identified, isUserName, LEEWAY_S, MAX_TOKEN_CHARS, USER_RULE } from './auth.ts'
import { ClaimError, Grants } from './grants.ts'
import { readInfo } from './info.ts'
import { KeysUnavailable, type RemoteKeys, remoteKeys } from './remote-keys.ts'

export interface TokenSettings {
  /** For HS256. */
  readonly secret: string | undefined
  /** For RS256, ES256 and EdDSA. */
  readonly jwksUrl: string | undefined
  readonly issuer: string | undefined
  readonly audience: string | undefined
}

export const SHARED_ALGORITHM = 'HS256'
// RFC 8725 section 3.1: an algorithm is believed only where it is one of those that this key is for.
const ASYMMETRIC_ALGORITHMS = ['RS256', 'ES256', 'EdDSA']

type Verify = (token: string) => Promise<JWTPayload>

/** JWTs (RFC 7519), by a shared secret or by the keys of an issuer (RFC 7517), as docs/auth.md says. */
export class TokenAuthenticator implements Authenticator {
  readonly #bySecret: Verify | undefined
  readonly #byKeys: Verify | undefined
  readonly #keys: RemoteKeys | undefined

  /** @param onNoKeys told why, each time that the issuer's keys could not be fetched */
  constructor ({ secret, jwksUrl, issuer, audience }: TokenSettings, onNoKeys: (problem: string) => void = () => {}) {
    const options: JWTVerifyOptions = {
      clockTolerance: LEEWAY_S,
      requiredClaims: ['sub', 'exp'],
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience })
    }
    if (secret !== undefined) {
      const key = new TextEncoder().encode(secret)
      this.#bySecret = async (token) =>
        (await jwtVerify(token, key, { ...options, algorithms: [SHARED_ALGORITHM] })).payload
    }
    if (jwksUrl !== undefined) {
      const keys = this.#keys = remoteKeys(new URL(jwksUrl), onNoKeys)
      this.#byKeys = async (token) =>
        (await jwtVerify(token, keys.getKey, { ...options, algorithms: ASYMMETRIC_ALGORITHMS })).payload
    }
  }

  /** Fetches the issuer's keys, if there is one, before anybody needs them. Never rejects. */
  async start (): Promise<void> {
    await this.#keys?.load()
  }

  async verify (token: string): Promise<Identified | Refusal> {
    const verify = token.length > MAX_TOKEN_CHARS ? undefined : this.#verifierFor(token)
    if (verify === undefined) return refusal('unauthenticated', 'token: refused')
    try {
      return identify(await verify(token))
    } catch (error) {
      return toRefusal(error)
    }
  }

  /** The header only chooses which of our keys is tried, each with its own algorithms. */
  #verifierFor (token: string): Verify | undefined {
    let header: ProtectedHeaderParameters
    try {
      header = decodeProtectedHeader(token)
    } catch {
      return undefined
    }
    return header.alg === SHARED_ALGORITHM ? this.#bySecret : this.#byKeys
  }
}

function identify (payload: JWTPayload): Identified {
  const { sub, exp, info } = payload
  if (typeof sub !== 'string' || !isUserName(sub)) {
    throw new ClaimError(`token: sub: ${USER_RULE}`)
  }
  // What is further off than a Date can say is for ever.
  const expiresMs = Math.min(exp! * 1_000, 8.64e15)
  const endsMs = expiresMs + LEEWAY_S * 1_000
  return { user: sub, grants: Grants.of(payload), expiresMs, endsMs, info: readInfo(info) }
}

/** In words of our own: what a library says may quote the token. */
function toRefusal (error: unknown): Refusal {
  if (error instanceof ClaimError) return refusal(error.reason, error.message)
  if (error instanceof errors.JWTExpired) return refusal('token_expired')
  if (error instanceof errors.JWTClaimValidationFailed) {
    return refusal('unauthenticated', `token: ${error.claim}: ${error.reason === 'missing' ? 'missing' : 'not accepted'}`)
  }
  if (error instanceof KeysUnavailable) {
    return refusal('unavailable', 'the keys that tokens are checked with cannot be had')
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return refusal('unauthenticated', 'token: signature: not accepted')
  return refusal('unauthenticated', 'token: refused')
}
