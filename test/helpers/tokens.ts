import { createHmac } from 'node:crypto'
import { signToken, type TokenOptions } from '../../src/auth/sign.ts'

/** 48 bytes, as `openssl rand -base64 48` would make them. */
export const SECRET = 'Zk1yQ0pQc2l4dGVlbi1ieXRlcy10aW1lcy10aHJlZS1vay1n'

const HASHES: Readonly<Record<string, string>> = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' }

/** Text, or a value as JSON, in base64url: a part of a token. */
export function part (value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

/** Any header and any claims, which are signed as they stand: what a library would refuse to make. */
export function forge (header: unknown, claims: unknown, secret: string | Buffer = SECRET): string {
  const alg = (header as Readonly<Record<string, unknown>> | null)?.['alg']
  const hash = HASHES[typeof alg === 'string' ? alg : ''] ?? 'sha256'
  const signed = `${part(header)}.${part(claims)}`
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`
}

/** A good token of a user's, for an hour. */
export async function tokenOf (user: string, allowed: Pick<TokenOptions, 'rooms' | 'can' | 'info'> = {}, lifetimeS = 3_600): Promise<string> {
  return await signToken(SECRET, { user, lifetimeS, ...allowed })
}

export function bearer (token: string): { readonly headers: { readonly authorization: string } } {
  return { headers: { authorization: `Bearer ${token}` } }
}

export function nowS (): number {
  return Math.floor(Date.now() / 1_000)
}
