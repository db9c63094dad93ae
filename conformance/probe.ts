import { Connection } from './connection.ts'
import { echoServer, gateway, type Target } from './targets.ts'
import type { Address, UpgradeChange } from './upgrade.ts'

const TIMEOUT_MS = 5_000
const OFFER = { headers: { 'sec-websocket-extensions': 'permessage-deflate' } }
// src/http/upgrade.ts; the gateway tells nobody.
export const GATEWAY_MAX_FRAGMENTS = 64

/**
 * Asks a server what it is to be tried with: a gateway says in its welcome how much it takes.
 * @throws Error of one line, where it can't be reached, or is no gateway
 */
export async function probe (address: Address, isEcho: boolean): Promise<Target> {
  try {
    if (isEcho) return await ask(address, undefined, async () => echoServer(address))
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
    await connection.until('an answer', () => connection.answer !== undefined || connection.hasEnded, TIMEOUT_MS)
    const status = connection.answer?.status
    if (status !== 101) throw new Error(refusalOf(status))
    return await look(connection)
  } finally {
    connection.destroy()
  }
}

/** Without its query: `?token=` may be in it. */
export function nameOf ({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`
}

function refusalOf (status: number | undefined): string {
  if (status === undefined) return 'the upgrade got no answer'
  return `the upgrade was answered with ${status}${status === 401 ? ' (a gateway with tokens: --token)' : ''}`
}

/** @returns the most bytes of a message; Infinity for no bound */
async function readWelcome (connection: Connection): Promise<number> {
  await connection.until('a welcome', () => connection.arrivals.length > 0 || connection.hasEnded, TIMEOUT_MS)
  const [first] = connection.arrivals
  const text = first?.kind === 'text' ? first.payload.toString() : ''
  if (!text.startsWith('{"type":"welcome"')) {
    throw new Error('no welcome came, so this is no gateway (for a server that sends all back: --echo)')
  }
  const { maxMessageBytes } = JSON.parse(text) as { maxMessageBytes?: number | null }
  return maxMessageBytes || Infinity
}
