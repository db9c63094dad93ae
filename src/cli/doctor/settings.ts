import { loadConfig } from '../../config.ts'
import { ConfigError } from '../../config-error.ts'
import { VARIABLES } from '../../settings.ts'
import type { Io } from '../io.ts'
import { fault, type Finding, ok, skipped, warning } from './finding.ts'

// Which a newcomer may have meant, by what the variable is called here.
const OTHER_NAMES: Readonly<Record<string, string>> = {
  REDIS_HOST: 'REDIS_URL',
  REDIS_PASSWORD: 'REDIS_PASS',
  REDIS_PORT: 'REDIS_URL',
  JWT_SECRET: 'AUTH_SECRET',
  CORS_ORIGIN: 'ALLOWED_ORIGINS',
  CORS_ORIGINS: 'ALLOWED_ORIGINS',
  TRUST_PROXIES: 'TRUST_PROXY',
  ALLOWED_ORIGIN: 'ALLOWED_ORIGINS'
}

/** The gateway's settings, where this environment has any. */
export function checkSettings (env: Io['env']): Finding[] {
  const given = VARIABLES.filter((name) => env[name])
  const strangers = Object.keys(OTHER_NAMES).filter((name) => env[name]).map((name) => warning(
    'names', `${name} is no setting of the gateway's`, `It is called ${OTHER_NAMES[name]} (docs/configuration.md).`))
  if (given.length === 0) {
    return [skipped('values', 'none is in this environment: run doctor where the gateway runs, or with its .env, to have them checked'), ...strangers]
  }
  try {
    const config = loadConfig(env)
    const findings = [ok('values', `${given.join(', ')}: valid`), ...strangers]
    if (given.includes('ALLOWED_ORIGINS') && config.allowedOrigins.includes('*')) {
      findings.push(warning('origins', 'ALLOWED_ORIGINS has *: every page on the web may connect', 'List the origins of your pages.'))
    }
    if (config.redis === undefined) {
      findings.push(warning('broker', 'neither REDIS_URL nor REDIS_ADDR: the embedded broker, for one replica alone', 'Set REDIS_URL, the same for all replicas.'))
    }
    if (config.tokens === undefined) {
      findings.push(warning('auth', 'neither AUTH_SECRET nor AUTH_JWKS_URL: the gateway is open, and everyone may do everything', 'Set one of them, and AUTH_REQUIRED=1 (docs/auth.md).'))
    }
    return findings
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const problems = error.problems.map((problem) => fault('values', problem, 'The gateway does not start with it (docs/configuration.md).'))
    return [...problems, ...strangers]
  }
}
