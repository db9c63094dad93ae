import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose'
import { LEEWAY_S } from '../../auth/auth.ts'
import { TokenAuthenticator } from '../../auth/tokens.ts'
import type { Io } from '../io.ts'
import { duration } from '../words.ts'
import { fault, type Finding, ok, skipped, warning } from './finding.ts'

const ALGORITHMS = ['HS256', 'RS256', 'ES256', 'EdDSA']
const NEW_ONE = 'Get a new one from your back end or identity provider (for development: tidegate token).'
// A token that lives for longer is one that cannot be taken back for as long.
const LONG_S = 86_400

/** What a token says of itself: nothing of it but names of claims, times and the user is shown. */
export async function checkToken (token: string | undefined, env: Io['env'], nowMs: number): Promise<Finding[]> {
  if (token === undefined) return [skipped('form', 'none given (--token, or TIDEGATE_TOKEN)')]
  let claims: JWTPayload
  let algorithm: string | undefined
  try {
    claims = decodeJwt(token)
    algorithm = decodeProtectedHeader(token).alg
  } catch {
    return [fault('form', 'it is no JWT', NEW_ONE)]
  }
  if (algorithm === undefined || !ALGORITHMS.includes(algorithm)) {
    return [fault('form', 'its algorithm is none of those that the gateway takes', `Sign it with one of ${ALGORITHMS.join(', ')}.`)]
  }
  if (typeof claims.sub !== 'string' || claims.sub === '') return [fault('form', 'it names no user (claim sub)', 'Put the user\'s name into sub.')]
  return [
    ok('form', `a JWT (${algorithm}) of ${JSON.stringify(claims.sub)}`),
    ...checkTimes(claims, nowMs / 1_000),
    ...await checkSignature(token, algorithm, env)
  ]
}

function checkTimes ({ exp, nbf, iat }: JWTPayload, nowS: number): Finding[] {
  if (exp === undefined) return [fault('expiry', 'it never expires (no claim exp), and is refused', 'Put exp into it: an hour is good.')]
  if (nowS > exp + LEEWAY_S) return [fault('expiry', `token expired ${duration(nowS - exp)} ago`, NEW_ONE)]
  const findings = [exp - nowS > LONG_S
    ? warning('expiry', `it is valid for ${duration(exp - nowS)} yet`, 'Who has it has it for so long: hours are enough, with renewal.')
    : ok('expiry', `valid for ${duration(exp - nowS)} yet`)]
  const beginsS = Math.max(nbf ?? 0, iat ?? 0)
  if (beginsS > nowS + 1) {
    const isRefused = nbf !== undefined && nbf > nowS + LEEWAY_S
    const message = `it begins ${duration(beginsS - nowS)} from now: the issuer's clock is ahead of this one`
    findings.push((isRefused ? fault : warning)('clock', message, 'Set both clocks by NTP; the gateway allows 5 s.'))
  }
  return findings
}

/** Where the gateway's secret is here, what it would say of the token. */
async function checkSignature (token: string, algorithm: string, env: Io['env']): Promise<Finding[]> {
  const secret = env['AUTH_SECRET']
  if (!secret || algorithm !== 'HS256') return []
  const settings = {
    secret, jwksUrl: undefined, issuer: env['AUTH_ISSUER'] || undefined, audience: env['AUTH_AUDIENCE'] || undefined
  }
  const outcome = await new TokenAuthenticator(settings).verify(token)
  if ('user' in outcome || outcome.reason === 'token_expired') return [ok('signature', 'by the AUTH_SECRET of this environment')]
  return [fault('signature', `the AUTH_SECRET of this environment does not take it: ${outcome.message}`, 'Sign it with the secret of the gateway, and with its issuer and audience.')]
}
