import { loadConfig } from '../config.ts'
import { ConfigError } from '../config-error.ts'
import { SETTINGS } from '../settings.ts'
import { CliError, EXIT } from './exit.ts'
import type { Io } from './io.ts'

type Setting = keyof typeof SETTINGS

/**
 * The settings that have a flag, each with what stands for its value; all others, and whatever is secret (a command
 * line can be read by everyone on the machine), by the environment.
 */
export const SERVE_FLAGS = {
  '-p, --port': ['PORT', '<n>'],
  '--host': ['HOST', '<address>'],
  '--redis': ['REDIS_URL', '<url>'],
  '--redis-prefix': ['REDIS_PREFIX', '<text>'],
  '--replica': ['REPLICA', '<name>'],
  '--workers': ['WORKERS', '<n>'],
  '--rooms': ['ROOMS_FILE', '<file>'],
  '--origins': ['ALLOWED_ORIGINS', '<list>'],
  '--trust-proxy': ['TRUST_PROXY', '<list>'],
  '--jwks': ['AUTH_JWKS_URL', '<url>'],
  '--drain-ms': ['DRAIN_MS', '<ms>'],
  '--log-level': ['LOG_LEVEL', '<level>']
} as const satisfies Record<string, readonly [Setting, string]>

/** In the words of the settings' table. */
export function describeFlag (setting: Setting): string {
  const { description, ...rest } = SETTINGS[setting]
  const value = 'default' in rest && rest.default !== '' ? ` (default ${rest.default})` : ''
  return `${description.replaceAll('`', '')}${value}; ${setting}`
}

/**
 * Runs a gateway, as `npm start` does: it resolves when that has begun; the end is the gateway's.
 * @param flags what was given, by the name of the setting
 * @throws CliError that names every flag and setting that is wrong
 */
export async function serve (flags: Readonly<Partial<Record<Setting, string>>>, io: Io): Promise<void> {
  try {
    loadConfig({ ...io.env, ...flags })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new CliError(EXIT.usage, error.problems.map((problem) => inFlags(problem, flags)).join('\n'))
  }
  await io.runGateway(flags as Record<string, string>)
}

function inFlags (problem: string, flags: Readonly<Partial<Record<Setting, string>>>): string {
  const given = Object.entries(SERVE_FLAGS).find(([, [setting]]) => setting in flags && problem.startsWith(`${setting}:`))
  if (given === undefined) return problem
  const [flag, [setting]] = given
  return `${flag.replace('-p, ', '')}${problem.slice(setting.length)}`
}
