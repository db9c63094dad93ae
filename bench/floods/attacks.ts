import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { PING, rawFrame, type RawOptions, RawSocket, type Said, TEXT, upgradeHead } from './raw-socket.ts'

/** How one connection was ended: the code of its close frame, the status of its upgrade, or `cut`. */
export type Outcome = string

/** One connection that floods, to its end. Resolves with how that came; with nothing where it is stopped before. */
export type Attack = (port: number, from: RawOptions, stop: AbortSignal) => Promise<Outcome | undefined>

const CHUNK_BYTES = 65_536
const LONGEST_MS = 15_000
const UNREAD_MS = 1_500
const DRIP_MS = 100
// In which those who keep to their rate may ask 30 times.
const RATE_MS = 700
const JOINS = 3_000

/** As many of these as make a chunk worth writing. */
function chunkOf (frame: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: Math.ceil(CHUNK_BYTES / frame.length) }, () => frame))
}

function outcomeOf ({ status, code }: Said): Outcome {
  return code !== undefined ? String(code) : status !== undefined && status !== 101 ? String(status) : 'cut'
}

/** Writes as fast as it is taken, until the other side ends it. */
async function pour (
  raw: RawSocket, next: () => Buffer | undefined, stop: AbortSignal, everyMs: number
): Promise<void> {
  const { socket } = raw
  const end = AbortSignal.any([stop, AbortSignal.timeout(LONGEST_MS)])
  while (!socket.destroyed && !socket.writableEnded && !end.aborted) {
    const chunk = next()
    if (chunk === undefined) return
    if (everyMs > 0) await delay(everyMs)
    if (!socket.write(chunk)) await Promise.race([raw.ended, once(socket, 'drain', { signal: end }).catch(() => {})])
    // What was said is heard between two chunks.
    else await new Promise((resolve) => { setImmediate(resolve) })
    if (!socket.isPaused() && raw.said.code !== undefined) return
  }
}

async function outcome (raw: RawSocket, stop: AbortSignal): Promise<Outcome | undefined> {
  const late = delay(LONGEST_MS, undefined, { ref: false })
  const said = await Promise.race([raw.until(({ code }) => code !== undefined), late])
  raw.socket.destroy()
  return said === undefined || (stop.aborted && outcomeOf(said) === 'cut') ? undefined : outcomeOf(said)
}

interface StreamOptions { readonly isUnread?: boolean, readonly patienceMs?: number, readonly everyMs?: number }

/** Frames without end, whatever is said to that. */
function stream (frames: () => () => Buffer | undefined, options: StreamOptions = {}): Attack {
  return async (port, from, stop) => {
    const raw = new RawSocket(port, from)
    const { socket } = raw
    stop.addEventListener('abort', () => socket.destroy())
    socket.write(upgradeHead('/ws'))
    const { status } = await raw.until((said) => said.status !== undefined)
    if (status !== 101) return await outcome(raw, stop)
    const { isUnread = false, patienceMs = UNREAD_MS, everyMs = 0 } = options
    if (isUnread) socket.pause()
    const end = isUnread ? AbortSignal.any([stop, AbortSignal.timeout(patienceMs)]) : stop
    await pour(raw, frames(), end, everyMs)
    socket.resume()
    return await outcome(raw, stop)
  }
}

/** The same chunk again and again, behind a beginning. */
function repeating (frame: Buffer, first?: Buffer): () => () => Buffer {
  const chunk = chunkOf(frame)
  return () => {
    let isFirst = first !== undefined
    return () => {
      if (!isFirst) return chunk
      isFirst = false
      return first!
    }
  }
}

function joins (): () => Buffer | undefined {
  let left = JOINS / 1_000
  return () => left-- > 0 ? Buffer.concat(Array.from({ length: 1_000 }, joinFrame)) : undefined
}

/** As many as the rate lets through. */
function histories (): () => Buffer {
  const frame = rawFrame(JSON.stringify({ type: 'history', room: FULL_ROOM, limit: 200 }))
  const chunk = Buffer.concat(Array.from({ length: 30 }, () => frame))
  return () => chunk
}

function joinFrame (): Buffer {
  return rawFrame(JSON.stringify({ type: 'join', room: `r${Math.random()}` }))
}

const drip: Attack = async (port, from, stop) => {
  const raw = new RawSocket(port, from)
  const head = upgradeHead('/ws', { host: 'x', 'x-much': 'y'.repeat(1_000) })
  for (let at = 0; at < head.length && !raw.socket.destroyed && raw.said.status === undefined; at++) {
    if (stop.aborted) break
    raw.socket.write(head[at]!)
    await delay(DRIP_MS)
  }
  if (!stop.aborted) return outcomeOf(await raw.until(({ status }) => status !== undefined))
  raw.socket.destroy()
  return undefined
}

export interface Flood {
  readonly what: string
  readonly attack: Attack
  /** At once, from one address. */
  readonly lanes: number
  /** How a connection of it must be ended. */
  readonly ends: readonly Outcome[]
  readonly leastSeconds?: number
  /** For so long what it made is kept on purpose. */
  readonly lingerSeconds?: number
}

/** The room with much to tell, which the command fills. */
export const FULL_ROOM = 'yard'

export const FLOODS: Readonly<Record<string, Flood>> = {
  pings: {
    what: 'WebSocket pings of 125 bytes, whose pongs are never read',
    attack: stream(repeating(rawFrame('p'.repeat(125), { opcode: PING })), { isUnread: true }),
    lanes: 4,
    ends: ['4429'],
    leastSeconds: 4
  },
  unread: {
    what: 'requests for much of the past, whose replies are never read',
    attack: stream(histories, { isUnread: true, patienceMs: LONGEST_MS, everyMs: RATE_MS }),
    lanes: 8,
    ends: ['cut'],
    leastSeconds: 8
  },
  tiny: { what: 'frames of one byte that are no requests', attack: stream(repeating(rawFrame('1'))), lanes: 4, ends: ['4400'] },
  requests: {
    what: 'small requests, as fast as they are taken', attack: stream(repeating(rawFrame('{"type":"ping"}'))), lanes: 4, ends: ['4429']
  },
  // A replica follows a room for 10 s after its last member has left.
  joins: { what: 'joins of ever new rooms', attack: stream(joins), lanes: 4, ends: ['4429'], lingerSeconds: 11 },
  fragments: {
    what: 'one message of fragments without end, each of them empty',
    attack: stream(repeating(rawFrame('', { opcode: 0, isLast: false }), rawFrame('', { opcode: TEXT, isLast: false }))),
    lanes: 4,
    ends: ['1008']
  },
  brackets: {
    what: '64 KB of [[[ a frame', attack: stream(repeating(rawFrame('['.repeat(65_536)))), lanes: 4, ends: ['4400']
  },
  drip: { what: 'heads of upgrades that come a byte at a time', attack: drip, lanes: 150, ends: ['408'], leastSeconds: 11 }
}
