import { Grants } from '../auth/grants.ts'
import { readInfo } from '../auth/info.ts'
import { signToken, type TokenOptions } from '../auth/sign.ts'
import { usage } from './exit.ts'
import type { Io } from './io.ts'

/** The longest a token may live: ten years. */
export const MAX_LIFETIME_S = 315_360_000

export interface TokenFlags {
  readonly user: string
  readonly rooms?: string
  readonly can?: string
  readonly info?: string
  readonly lifetime: number
}

/**
 * A token for development, signed as the gateway checks it. What the gateway would refuse is refused here.
 * @throws CliError that names the flag or variable that is wrong
 */
export async function makeToken (flags: TokenFlags, env: Io['env']): Promise<string> {
  const secret = env['AUTH_SECRET'] ?? ''
  const options = readToken(flags, env)
  if (Buffer.byteLength(secret.trim()) < 32) throw usage('AUTH_SECRET: must be set, to at least 32 bytes, as for the gateway')
  return await signToken(secret, options)
}

function readToken (flags: TokenFlags, env: Io['env']): TokenOptions {
  const rooms = readJson('--rooms', flags.rooms, '{"chat:*":["join","publish"]}')
  const info = readJson('--info', flags.info, '{"name":"Ann Lee"}')
  if (!/^[^\p{Cc}\p{Cs}]{1,128}$/u.test(flags.user)) throw usage('--user: must be 1 to 128 characters, none of them a control character')
  checkRooms(rooms)
  asGateway('info', () => readInfo(info))
  return {
    user: flags.user,
    lifetimeS: flags.lifetime,
    rooms: rooms as TokenOptions['rooms'],
    can: flags.can === undefined ? undefined : readWords(flags.can),
    info,
    issuer: env['AUTH_ISSUER'] || undefined,
    audience: env['AUTH_AUDIENCE'] || undefined
  }
}

/** What the gateway would refuse is refused here, in the words of the command line. */
function asGateway (claim: string, read: () => unknown): void {
  try {
    read()
  } catch (error) {
    throw usage((error as Error).message.replace(`token: ${claim}`, `--${claim}`))
  }
}

/** What the gateway would refuse, or what it would not know. */
function checkRooms (rooms: unknown): void {
  asGateway('rooms', () => Grants.of({ rooms }))
  const unknown = Object.values(rooms ?? {}).flat().find((word) => !['join', 'publish'].includes(word as string))
  if (unknown !== undefined) throw usage(`--rooms: must allow join or publish, not ${JSON.stringify(unknown)}`)
}

function readJson (name: string, text: string | undefined, example: string): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    throw usage(`${name}: must be JSON, such as '${example}'`)
  }
}

function readWords (text: string): string[] {
  const words = text.split(',').map((word) => word.trim()).filter((word) => word !== '')
  const unknown = words.find((word) => !['broadcast', 'move', 'admin'].includes(word))
  if (unknown !== undefined) throw usage(`--can: must be of broadcast,move,admin, not ${JSON.stringify(unknown)}`)
  return words
}
