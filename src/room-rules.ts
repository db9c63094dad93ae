import { readFileSync } from 'node:fs'
import { Ajv, type ErrorObject } from 'ajv'
import { parse } from 'yaml'
import { ConfigError } from './config-error.ts'
import type { Retention } from './log/log.ts'
import { ALL, CONTROL, isRoomName, POSITION, type RoomKind } from './protocol/rooms.ts'

/** Who may publish on a socket: `members` of the room, `anyone`, or nobody but the server itself. */
type Publishers = 'members' | 'anyone' | 'server'

/** What holds for a room. */
export interface RoomRule {
  readonly kind: RoomKind
  readonly publish: Publishers
  readonly retention: Retention
  /** Whether its users are told who is there. */
  readonly presence: boolean
  /** So many users, above which those who come and go are told of together. */
  readonly presenceMergeAbove: number
  /** Whether the webhook, where there is one, is told of it. */
  readonly webhooks: boolean
}

/** A year: an age that Redis could not take would fail only at the first publish. */
export const MAX_AGE_MS = 31_536_000_000

const MERGE_ABOVE = 100

/** As a rules file has them; what is left out is as if there were no rule. */
export interface WrittenRule {
  readonly kind?: RoomKind
  readonly publish?: Publishers
  readonly entries?: number
  readonly maxAgeMs?: number
  readonly presence?: boolean
  readonly presenceMergeAbove?: number
  readonly webhooks?: boolean
}
interface Defaults { readonly maxEntries: number, readonly maxAgeMs: number }
/** By name, or by prefix that ends in `*`; the longest match decides. */
export type WrittenRules = Readonly<Record<string, WrittenRule>>

/** What a room is where no rule says so. */
function kindByName (name: string): RoomKind {
  if (name === POSITION || name.startsWith('latest:')) return 'latest'
  return name.startsWith('live:') ? 'live' : 'log'
}

// Orders to all replicas are kept for those that are cut off, whatever is kept of messages.
const ORDERS: WrittenRule = { kind: 'log', entries: 10_000, maxAgeMs: 86_400_000 }
// The longest prefixes that are built in: beneath them all other rules.
const BUILT_IN: WrittenRules = { '*': {}, 'latest:*': {}, 'live:*': {}, [POSITION]: {}, [ALL]: { kind: 'log' }, [CONTROL]: ORDERS }

// The one place that says what a rules file may hold: docs/rooms.md shows it.
const validate = new Ajv({ allErrors: true }).compile({
  type: 'object',
  required: ['rooms'],
  additionalProperties: false,
  properties: {
    rooms: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        properties: {
          kind: { enum: ['log', 'latest', 'live'] },
          publish: { enum: ['members', 'anyone', 'server'] },
          entries: { type: 'integer', minimum: 1, maximum: 1_000_000 },
          maxAgeMs: { type: 'integer', minimum: 0, maximum: MAX_AGE_MS },
          presence: { type: 'boolean' },
          presenceMergeAbove: { type: 'integer', minimum: 0, maximum: 1_000_000 },
          webhooks: { type: 'boolean' }
        }
      }
    }
  }
})

/** Rules by room name. A pattern is a name, or a prefix that ends in `*`; the longest match decides. */
export class RoomRules {
  readonly #exact = new Map<string, RoomRule>()
  // Longest first.
  readonly #prefixes: ReadonlyArray<readonly [prefix: string, rule: RoomRule]>

  constructor (written: WrittenRules, defaults: Defaults) {
    const prefixes: Array<readonly [string, RoomRule]> = []
    for (const [pattern, rule] of Object.entries({ ...BUILT_IN, ...written })) {
      if (pattern.endsWith('*')) prefixes.push([pattern.slice(0, -1), complete(pattern, rule, defaults)])
      else this.#exact.set(pattern, complete(pattern, rule, defaults))
    }
    this.#prefixes = prefixes.sort(([a], [b]) => b.length - a.length)
  }

  of (room: string): RoomRule {
    return this.#exact.get(room) ?? this.#prefixes.find(([prefix]) => room.startsWith(prefix))![1]
  }
}

function complete (pattern: string, rule: WrittenRule, defaults: Defaults): RoomRule {
  const kind = rule.kind ?? kindByName(pattern)
  return {
    kind,
    publish: rule.publish ?? 'members',
    retention: {
      maxEntries: kind === 'latest' ? 1 : rule.entries ?? defaults.maxEntries,
      // The value of a `latest` room does not age.
      maxAgeMs: kind === 'latest' ? 0 : rule.maxAgeMs ?? defaults.maxAgeMs,
      latestOnly: kind === 'latest'
    },
    presence: rule.presence ?? kind === 'log',
    presenceMergeAbove: rule.presenceMergeAbove ?? MERGE_ABOVE,
    webhooks: rule.webhooks ?? true
  }
}

/**
 * Reads ROOMS_FILE, YAML or JSON (which is YAML).
 * @throws ConfigError that names every fault with its pattern and field
 */
export function readRoomRules (file: string | undefined, defaults: Defaults): RoomRules {
  if (file === undefined) return new RoomRules({}, defaults)
  let document: unknown
  try {
    document = parse(readFileSync(file, 'utf8'))
  } catch (error) {
    const [firstLine = ''] = (error as Error).message.split('\n')
    throw new ConfigError([`ROOMS_FILE: ${file}: ${firstLine}`])
  }
  return checkRoomRules(document, `ROOMS_FILE: ${file}: `, defaults)
}

/**
 * @param where put before each problem
 * @throws ConfigError that names every fault with its pattern and field
 */
export function checkRoomRules (document: unknown, where: string, defaults: Defaults): RoomRules {
  const problems = validate(document) ? [] : schemaProblems(validate.errors!)
  const { rooms } = (document ?? {}) as { rooms?: WrittenRules }
  if (typeof rooms === 'object' && rooms !== null) problems.push(...patternProblems(Object.entries(rooms)))
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${where}${problem}`))
  return new RoomRules(rooms!, defaults)
}

function schemaProblems (errors: readonly ErrorObject[]): string[] {
  return errors.map(({ instancePath, message, params }) => {
    const detail = 'allowedValues' in params
      ? `: ${params['allowedValues'].join(', ')}`
      : 'additionalProperty' in params ? `: ${params['additionalProperty']}` : ''
    return `${pathOf(instancePath)} ${message}${detail}`
  })
}

/** A JSON pointer (RFC 6901) as people write it. */
function pathOf (pointer: string): string {
  const parts = pointer.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  return parts.join('.') || 'the file'
}

function patternProblems (rules: ReadonlyArray<readonly [pattern: string, rule: WrittenRule]>): string[] {
  return rules.flatMap(([pattern, rule]) => {
    const name = pattern.endsWith('*') ? pattern.slice(0, -1) : pattern
    if (name !== '' && !isRoomName(name)) return [`rooms.${pattern} is no room's name, nor a prefix that ends in *`]
    if (pattern === POSITION && (rule?.kind ?? 'latest') !== 'latest') return [`rooms.${POSITION}.kind must be latest`]
    return []
  })
}
