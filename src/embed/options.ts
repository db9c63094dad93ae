import { ConfigError } from '../config-error.ts'
import { type Config, loadConfig } from '../config.ts'
import type { WrittenRules } from '../room-rules.ts'
import { checkHooks } from '../session/hook-calls.ts'
import type { Hooks } from '../session/hooks.ts'
import { SETTINGS } from '../settings.ts'

type Table = typeof SETTINGS
/** Whose business these are: the app's, or the standalone process's. */
const NOT_HERE = ['PORT', 'HOST', 'WORKERS', 'LOG_LEVEL', 'REDIS_URL', 'REDIS_ADDR'] as const

type List = 'ALLOWED_ORIGINS' | 'TRUST_PROXY'
type Name = Exclude<keyof Table, typeof NOT_HERE[number]>
/** `LOG_MAX_AGE_MS` is called `logMaxAgeMs`. */
type Camel<Snake extends string> = Snake extends `${infer Word}_${infer Rest}`
  ? `${Lowercase<Word>}${Capitalize<Camel<Rest>>}`
  : Lowercase<Snake>
type Value<Each extends Name> =
  Each extends List ? readonly string[]
    : Table[Each] extends { readonly type: 'integer' } | { readonly pattern: '^[0-9]{1,15}$' } ? number
      : string

/**
 * Every setting of docs/configuration.md under its name in camel case, with the same unit and default:
 * `LOG_MAX_AGE_MS` is `logMaxAgeMs`. The environment is not read.
 */
export type SettingsOptions = { readonly [Each in Name as Camel<Each>]?: Value<Each> | undefined }

/** Where Redis is, and the settings that whoever publishes must share with the gateways. */
export interface SharedOptions {
  /** `redis://…` or `rediss://…`; left out: the embedded broker, which knows this process alone. */
  readonly redis?: string | undefined
  /** Rules by room name (docs/rooms.md), in the place of `roomsFile`. */
  readonly rooms?: WrittenRules | undefined
}

export interface TidegateOptions extends SettingsOptions, SharedOptions {
  /** Before each path of the gateway: with `/realtime` clients connect to `/realtime/ws`. Left out: `/ws`. */
  readonly prefix?: string
  /** Your own rules. */
  readonly hooks?: Hooks | undefined
  /** A hook that has not decided within so long has refused; 2,000 by default, 10,000 at most. */
  readonly hookTimeoutMs?: number | undefined
  /** So many hooks may be deciding at once in this process, above which they refuse; 1,000 by default. */
  readonly maxHookCalls?: number | undefined
  /** The routes for back ends: `/position`, `/rooms`, …; true by default. `/ws` is always there. */
  readonly httpRoutes?: boolean | undefined
  /** `/healthz`, `/readyz` and `/metrics`, which ask for no permission; false by default. */
  readonly opsRoutes?: boolean | undefined
  /** The chat and the dashboard, under `prefix`; false by default. */
  readonly pages?: boolean | undefined
}

/** What is made of the options. */
export interface Embedded {
  readonly config: Config
  readonly hooks: Hooks | undefined
  readonly hookTimeoutMs: number
  readonly maxHookCalls: number
}

// Fastify's own, of `register`.
const OWN = [
  'prefix', 'logLevel', 'logSerializers', 'redis', 'rooms', 'hooks', 'hookTimeoutMs', 'maxHookCalls', 'httpRoutes',
  'opsRoutes', 'pages'
]
const HOOK_TIMEOUT_MS = 2_000
const MAX_HOOK_TIMEOUT_MS = 10_000
const MAX_HOOK_CALLS = 1_000
const LARGEST = 1_000_000

const named = new Map(Object.keys(SETTINGS).map((name) => [camel(name), name as keyof Table]))
const isHere = (name: keyof Table): boolean => !(NOT_HERE as readonly string[]).includes(name)

function camel (name: string): string {
  return name.toLowerCase().replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase())
}

/**
 * @throws ConfigError that names every bad option at once
 */
export function readOptions (options: TidegateOptions): Embedded {
  const { hooks, hookTimeoutMs = HOOK_TIMEOUT_MS, maxHookCalls = MAX_HOOK_CALLS, prefix = '' } = options
  const problems: string[] = []
  if (!isCount(hookTimeoutMs, MAX_HOOK_TIMEOUT_MS)) problems.push(`hookTimeoutMs: must be an integer of 1 to ${MAX_HOOK_TIMEOUT_MS}`)
  if (!isCount(maxHookCalls, LARGEST)) problems.push(`maxHookCalls: must be an integer of 1 to ${LARGEST}`)
  if (prefix !== '' && !/^(?:\/[A-Za-z0-9._~-]+)+$/.test(prefix)) {
    problems.push('prefix: must begin with a slash, end without one, and hold letters, digits and . _ ~ - besides')
  }
  for (const name of ['httpRoutes', 'opsRoutes', 'pages'] as const) {
    if (!['boolean', 'undefined'].includes(typeof options[name])) problems.push(`${name}: must be true or false`)
  }
  if (hooks !== undefined) problems.push(...checkHooks(hooks as Readonly<Record<string, unknown>>))
  if (hooks?.authenticate !== undefined && (options.authSecret ?? options.authJwksUrl) !== undefined) {
    problems.push('hooks.authenticate: not together with authSecret or authJwksUrl')
  }
  const config = readShared(options as Readonly<Record<string, unknown>>, OWN, problems)
  return { config, hooks, hookTimeoutMs, maxHookCalls }
}

/**
 * The configuration of a gateway as options say it.
 * @param known options that are no settings
 * @throws ConfigError with these problems, and every bad setting
 */
export function readShared (
  options: Readonly<Record<string, unknown>>, known: readonly string[], problems: readonly string[]
): Config {
  const all = [...problems]
  const env: Record<string, string | undefined> = { REDIS_URL: textOf(options['redis']) }
  for (const [option, value] of Object.entries(options)) {
    const name = named.get(option)
    if (known.includes(option) || value === undefined || value === null) continue
    if (name === undefined || !isHere(name)) all.push(`${option}: there is no such option (docs/embedding.md)`)
    else env[name] = textOf(value)
  }
  try {
    const config = loadConfig(env, options['rooms'] as WrittenRules | undefined)
    if (all.length === 0) return config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    all.push(...error.problems.map(inOptions))
  }
  throw new ConfigError(all)
}

/** Of a list and of a truth, too, as the environment would have them. */
function textOf (value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  return Array.isArray(value) ? value.join(',') : typeof value === 'boolean' ? String(Number(value)) : String(value)
}

/** A problem with the names that its reader has written. */
function inOptions (problem: string): string {
  return problem.replace(/\b[A-Z]+(?:_[A-Z]+)*\b/g, (word) =>
    word === 'REDIS_URL' ? 'redis' : word in SETTINGS ? camel(word) : word)
}

function isCount (value: unknown, max: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= max
}
