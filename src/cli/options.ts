import { InvalidArgumentError } from 'commander'
import { isRoomName, NAME_RULE } from '../protocol/rooms.ts'
import { usage } from './exit.ts'
import type { Io } from './io.ts'

const DEFAULT_URL = 'http://localhost:8080'

/** Where a gateway is, and as whom it is met. */
export interface Target {
  /** Its site, without a slash at the end: `http://localhost:8080`, or below a path that a proxy maps to it. */
  readonly site: string
  /** Its WebSocket: `ws://localhost:8080/ws`. */
  readonly ws: string
  /** Never printed. */
  readonly token: string | undefined
  /** The name to go by in an open gateway. */
  readonly user: string | undefined
}

export interface TargetOptions { readonly url?: string, readonly token?: string, readonly user?: string }

/** Flags before the environment. @throws CliError that names which of them is wrong, without repeating it */
export function targetOf ({ url, token, user }: TargetOptions, env: Io['env']): Target {
  const [name, text] = url !== undefined ? ['--url', url] : ['TIDEGATE_URL', env['TIDEGATE_URL'] || DEFAULT_URL]
  const given = token ?? (env['TIDEGATE_TOKEN'] || undefined)
  const tokenName = token !== undefined ? '--token' : 'TIDEGATE_TOKEN'
  // Part of a header: whatever else it is, it would break that.
  if (given !== undefined && !/^[\w.~+/=-]+$/.test(given)) throw usage(`${tokenName}: is no token: it must be of A-Z a-z 0-9 - . _ ~ + / =`)
  return { ...addressesOf(text, name), token: given, user }
}

/** @param name of the flag or argument, for what is said of it */
export function addressesOf (text: string, name: string): { readonly site: string, readonly ws: string } {
  // What holds an @ or a query may hold a secret, and is not repeated.
  const shown = /[@?]/.test(text) ? '' : `, not ${JSON.stringify(text)}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^(?:https?|wss?):$/.test(url.protocol)) {
    throw usage(`${name}: must be http://host:port or https://host${shown}`)
  }
  if (url.username !== '' || url.password !== '') throw usage(`${name}: must not hold a user or password: use --token, or TIDEGATE_TOKEN`)
  if (url.search !== '' || url.hash !== '') throw usage(`${name}: must have neither ? nor #: a token goes into --token, or TIDEGATE_TOKEN`)
  const path = url.pathname.replace(/\/+$/, '').replace(/\/ws$/, '')
  const site = `${url.protocol.replace('ws', 'http')}//${url.host}${path}`
  return { site, ws: `${site.replace('http', 'ws')}/ws` }
}

/** A parser of commander's; what it throws is said with the name of the flag. */
export function integerOf (min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^-?[0-9]{1,16}$/.test(text) ? Number(text) : NaN
    if (value >= min && value <= max) return value
    throw new InvalidArgumentError(`It must be an integer of ${min} to ${max}.`)
  }
}

export function roomOf (text: string): string {
  if (isRoomName(text)) return text
  throw new InvalidArgumentError(`It is not the name of a room: ${NAME_RULE}.`)
}
