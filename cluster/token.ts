import { parseArgs } from 'node:util'
import type { TokenOptions } from '../src/auth/sign.ts'
import { Grants } from '../src/auth/grants.ts'
import { readInfo } from '../src/auth/info.ts'
import { integer } from './options.ts'

export const HELP = `Makes a token (JWT, HS256) for development, signed with AUTH_SECRET as the gateway checks it.

  AUTH_SECRET=… npm run --silent token -- --user ann [--rooms json] [--can words] [--info json] [--lifetime s]

  --user name   who it is for: the claim \`sub\`
  --rooms json  such as '{"chat:*":["join","publish"]}' (default: all rooms, as their rules allow everyone)
  --can words   of broadcast,move,admin (default: none)
  --info json   what others in a room are told of the user, such as '{"name":"Ann Lee"}' (default: nothing)
  --lifetime s  seconds until it expires (default 3600)
  --help        this

AUTH_ISSUER and AUTH_AUDIENCE go into it where they are set. A page takes it as /chat#token=…
`

interface TokenCommand {
  readonly secret: string
  readonly options: TokenOptions
  readonly help: boolean
}

/**
 * Reads the command line and the environment.
 * @throws Error that names the option or variable that is wrong
 */
export function readTokenCommand (
  args: readonly string[], env: Readonly<Record<string, string | undefined>>
): TokenCommand {
  const { values } = parseArgs({
    args: [...args],
    options: {
      user: { type: 'string', default: '' },
      rooms: { type: 'string' },
      can: { type: 'string' },
      info: { type: 'string' },
      lifetime: { type: 'string', default: '3600' },
      help: { type: 'boolean', short: 'h', default: false }
    }
  })
  const rooms = readJson('--rooms', values.rooms, '{"chat:*":["join","publish"]}')
  const info = readJson('--info', values.info, '{"name":"Ann Lee"}')
  const can = values.can === undefined ? undefined : readWords(values.can)
  const options: TokenOptions = {
    user: values.user,
    lifetimeS: integer('--lifetime', values.lifetime, 1, 315_360_000),
    rooms: rooms as TokenOptions['rooms'],
    can,
    info,
    issuer: env['AUTH_ISSUER'] || undefined,
    audience: env['AUTH_AUDIENCE'] || undefined
  }
  const secret = env['AUTH_SECRET'] ?? ''
  if (values.help) return { secret, options, help: true }
  if (values.user === '') throw new Error('--user: missing')
  checkRooms(rooms)
  asGateway('info', () => readInfo(info))
  if (Buffer.byteLength(secret) < 32) throw new Error('AUTH_SECRET: must be set, to at least 32 bytes, as for the gateway')
  return { secret, options, help: false }
}

/** What the gateway would refuse is refused here, in the words of the command line. */
function asGateway (claim: string, read: () => unknown): void {
  try {
    read()
  } catch (error) {
    throw new Error((error as Error).message.replace(`token: ${claim}`, `--${claim}`))
  }
}

/** What the gateway would refuse, or what it would not know. */
function checkRooms (rooms: unknown): void {
  asGateway('rooms', () => Grants.of({ rooms }))
  const unknown = Object.values(rooms ?? {}).flat().find((word) => !['join', 'publish'].includes(word as string))
  if (unknown !== undefined) throw new Error(`--rooms: must allow join or publish, not ${JSON.stringify(unknown)}`)
}

function readJson (name: string, text: string | undefined, example: string): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    throw new Error(`${name}: must be JSON, such as '${example}'`)
  }
}

function readWords (text: string): string[] {
  const words = text.split(',').map((word) => word.trim()).filter((word) => word !== '')
  const unknown = words.find((word) => !['broadcast', 'move', 'admin'].includes(word))
  if (unknown !== undefined) throw new Error(`--can: must be of broadcast,move,admin, not ${JSON.stringify(unknown)}`)
  return words
}
