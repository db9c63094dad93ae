import { SignJWT } from 'jose'
import { SHARED_ALGORITHM } from './tokens.ts'

export interface TokenOptions {
  readonly user: string
  readonly lifetimeS: number
  readonly rooms?: Readonly<Record<string, readonly string[]>> | undefined
  readonly can?: readonly string[] | undefined
  /** What others in a room are told of the user. */
  readonly info?: unknown
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
}

/** A token signed with the shared secret (HS256): for development, tests, and back ends of one's own. */
export async function signToken (secret: string, options: TokenOptions): Promise<string> {
  const { user, lifetimeS, rooms, can, info, issuer, audience } = options
  const claims = Object.entries({ rooms, can, info }).filter(([, value]) => value !== undefined)
  const token = new SignJWT(Object.fromEntries(claims))
    .setProtectedHeader({ alg: SHARED_ALGORITHM, typ: 'JWT' })
    .setSubject(user)
    .setIssuedAt()
    .setExpirationTime(Math.floor(Date.now() / 1_000) + lifetimeS)
  if (issuer !== undefined) token.setIssuer(issuer)
  if (audience !== undefined) token.setAudience(audience)
  return await token.sign(new TextEncoder().encode(secret))
}
