import { text } from './client-frames.ts'
import { Connection } from './connection.ts'
import { echoServer, gateway, type Target } from './targets.ts'
import type { Address, UpgradeChange } from './upgrade.ts'

const TIMEOUT_MS = 5_000
const PROBE = 'Is this sent back?'
const REFUSAL_MS = 1_000
// docs/protocol.md.
const UNAUTHENTICATED = 4401
const WELCOME = '{"type":"welcome"'
const OFFER = { headers: { 'sec-websocket-extensions': 'permessage-deflate' } }
// src/http/upgrade.ts; the gateway tells nobody.
export const GATEWAY_MAX_FRAGMENTS = 64

/**
 * Asks a server what it is to be tried with: a gateway says in its welcome how much it takes.
 * @throws Error of one line, where it can't be reached, or is no gateway
 */
export async function probe (address: Address, isEcho: boolean): Promise<Target> {
  try {
    if (isEcho) {
      await ask(address, undefined, readEcho)
      return echoServer(address)
    }
    const maxMessageBytes = await ask(address, undefined, readWelcome)
    const isCompressing = await ask(address, OFFER, async ({ answer }) =>
      answer?.headers['sec-websocket-extensions'] !== undefined)
    return gateway(address, { maxMessageBytes, maxFragments: GATEWAY_MAX_FRAGMENTS, isCompressing })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Error(`${nameOf(address.url)}: ${code === undefined ? message : `can't be reached (${code})`}`)
  }
}

/** Is let in, looks, and goes. */
async function ask<Result> (
  address: Address, change: UpgradeChange | undefined, look: (connection: Connection) => Promise<Result>
): Promise<Result> {
  const connection = await Connection.open(address)
  try {
    await connection.begin(address, change, Buffer.alloc(0))
    const isOver = (): boolean => connection.answer !== undefined || connection.hasEnded
    await connection.until('an answer to the upgrade', isOver, TIMEOUT_MS).catch(() => {})
    if (connection.answer?.status === 101) return await look(connection)
    // Who does not hang up after it has said all there is.
    await connection.until('the end', () => connection.hasEnded, REFUSAL_MS).catch(() => {})
    throw new Error(refusalOf(connection, address))
  } finally {
    connection.destroy()
  }
}

/** Without its query: `?token=` may be in it. */
export function nameOf ({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`
}

function refusalOf ({ answer, refusal }: Connection, { headers = {} }: Address): string {
  if (answer === undefined) return 'the upgrade got no answer'
  const hint = answer.status === 401 && headers['authorization'] === undefined ? ' (a gateway with tokens: --token)' : ''
  return `the upgrade was answered with ${answer.status}${problemOf(refusal)}${hint}`
}

/** What a gateway says of it; of others' pages nothing. */
function problemOf (body: string): string {
  try {
    const { message } = JSON.parse(body) as { message?: unknown }
    return typeof message === 'string' ? `: ${JSON.stringify(message).slice(1, -1)}` : ''
  } catch {
    return ''
  }
}

/** @returns the most bytes of a message; Infinity for no bound */
async function readWelcome (connection: Connection): Promise<number> {
  const came = await firstText(connection)
  if (!came.startsWith(WELCOME)) {
    throw new Error('no welcome came, so this is no gateway (for a server that sends all back: --echo)')
  }
  const { maxMessageBytes } = JSON.parse(came) as { maxMessageBytes?: number | null }
  return maxMessageBytes || Infinity
}

async function readEcho (connection: Connection): Promise<void> {
  await connection.write(text(PROBE))
  const came = await firstText(connection)
  if (came.startsWith(WELCOME)) throw new Error('a welcome came, so this is a gateway (leave --echo out)')
  if (came !== PROBE) throw new Error('what was sent did not come back, so this is no echo server')
}

function meaningOf (code: number): string {
  return code === UNAUTHENTICATED ? ' (the token in the address is refused, or has expired)' : ''
}

/** Empty where none comes. */
async function firstText (connection: Connection): Promise<string> {
  const hasCome = (): boolean => connection.arrivals.length > 0 || connection.hasEnded
  await connection.until('a first message', hasCome, TIMEOUT_MS).catch(() => {})
  const [first] = connection.arrivals
  if (first?.kind === 'close') throw new Error(`it let in, and closed at once, with ${first.code}${meaningOf(first.code)}`)
  return first?.kind === 'text' ? first.payload.toString() : ''
}
