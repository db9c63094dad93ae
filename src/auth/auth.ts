import type { IncomingHttpHeaders } from 'node:http'
import type { Refusal } from '../protocol/codes.ts'
import { Grants } from './grants.ts'

/** What somebody may do, and for how long. */
export interface Access {
  readonly grants: Grants
  /** Milliseconds since 1970, the leeway included; Infinity for ever. */
  readonly endsMs: number
  /** When the token says that it expires: milliseconds since 1970; undefined without a token. */
  readonly expiresMs: number | undefined
  /** What the token says of its user to the others in a room, as JSON text. */
  readonly info?: string | undefined
}

/** Somebody whose token was verified. */
export interface Identified extends Access {
  readonly user: string
}

/** What a request, or an upgrade, has to tell who sends it. */
export interface Presented {
  readonly token: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly query: unknown
  readonly ip: string
}

/** Tells who somebody is. Nothing in a token is believed, or repeated, before it is verified. */
export interface Authenticator {
  /**
   * Never rejects: `unauthenticated` or `token_expired` where the token is refused, `unavailable` where the keys that
   * it would be checked with cannot be had.
   */
  verify (token: string): Promise<Identified | Refusal>
  /** The same by all that a request has: where it is not there, a token alone tells. */
  identify? (presented: Presented): Promise<Identified | Refusal>
}

/** Where no auth is configured: everyone may do everything but administrate. */
export const OPEN_ACCESS: Access = { grants: Grants.open, endsMs: Infinity, expiresMs: undefined }

export function isIdentified (outcome: Identified | Refusal): outcome is Identified {
  return 'user' in outcome
}

const MAX_USER_CHARS = 128
export const USER_RULE = `must be 1 to ${MAX_USER_CHARS} characters, none of them a control character`

export function isUserName (name: string): boolean {
  return name.length <= MAX_USER_CHARS && /^[^\p{Cc}\p{Cs}]+$/u.test(name)
}

/** Tokens are checked up to this length only: what is longer is no token of anybody's. */
export const MAX_TOKEN_CHARS = 8_192

/** Clocks of issuers and replicas may differ by so much. Seconds. */
export const LEEWAY_S = 5
