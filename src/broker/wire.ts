import type { Draft, Envelope, OutgoingSignal, Signal } from '../protocol/entry.ts'
import type { PresenceChange } from '../protocol/presence.ts'

/**
 * What travels between replicas: a header line, a sender line, and the content as it was written.
 *
 *     1 E <seq> <epoch> <id> <prev> <timestampMs>\n      an entry of the log (redis/scripts.ts writes it)
 *     1 S <timestampMs>\n                                a signal, which is not stored
 *     1 P <count> <timestampMs>\n                        who has come and gone (redis/presence-scripts.ts writes it)
 *     <from, a JSON string>\t<connection that asked for no echo, or nothing>\n
 *     <content, JSON text>
 *
 * The first digit is the version of this format: what a replica does not know it ignores, so that two versions
 * can share one Redis while a deployment rolls. A JSON string holds neither tab nor newline of its own.
 */
const WIRE_VERSION = '1'

type Body = Pick<Signal, 'from' | 'except' | 'content'>

const NEWLINE = 0x0a
// Numbers of fifteen digits are exact, and dates still.
const ENTRY = new RegExp(`^${WIRE_VERSION} E ([0-9]{1,15}) (\\S+) (\\S+) (\\S+) ([0-9]{1,15})$`)
const SIGNAL = new RegExp(`^${WIRE_VERSION} S ([0-9]{1,15})$`)
const PRESENCE = new RegExp(`^${WIRE_VERSION} P ([0-9]{1,15}) ([0-9]{1,15})$`)

/** The sender line and the content: what the log stores of a message. */
export function encodeBody (draft: Pick<Draft, 'from' | 'content' | 'except'>): string {
  return `${draft.from}\t${draft.except ?? ''}\n${draft.content}`
}

/** @returns the sender, who gets no echo, and the content as a view of the same bytes; undefined for no body of ours */
export function decodeBody (body: Uint8Array): Body | undefined {
  const end = body.indexOf(NEWLINE)
  const line = text(body, 0, end)
  const tab = line.indexOf('\t')
  if (end < 0 || tab < 0) return undefined
  return { from: line.slice(0, tab), except: line.slice(tab + 1) || undefined, content: body.subarray(end + 1) }
}

export function encodeSignal (signal: OutgoingSignal): string {
  return `${WIRE_VERSION} S ${signal.timestampMs}\n${encodeBody(signal)}`
}

/** Undefined where the payload is of a version that this replica does not know, or no payload of ours. */
export function decodeEnvelope (payload: Uint8Array): Envelope | undefined {
  const end = payload.indexOf(NEWLINE)
  const body = end < 0 ? undefined : decodeBody(payload.subarray(end + 1))
  if (body === undefined) return undefined
  const header = text(payload, 0, end)
  const entry = ENTRY.exec(header)
  if (entry !== null) {
    const [, seq, epoch, id, prev, timestampMs] = entry as unknown as readonly string[]
    const place = { seq: Number(seq), epoch: epoch!, id: id!, prev: prev! }
    return { kind: 'entry', entry: { ...place, timestampMs: Number(timestampMs), ...body } }
  }
  const signal = SIGNAL.exec(header)
  if (signal !== null) return { kind: 'signal', signal: { timestampMs: Number(signal[1]), ...body } }
  const presence = PRESENCE.exec(header)
  return presence === null ? undefined : decodePresence(Number(presence[1]), Number(presence[2]), body.content)
}

/** `{"joined":[{"user":"ann","info":…}],"left":["bob"]}` */
function decodePresence (count: number, timestampMs: number, content: Uint8Array): Envelope | undefined {
  try {
    const { joined, left } = JSON.parse(text(content, 0, content.length)) as {
      joined: Array<{ user: string, info?: unknown }>
      left: string[]
    }
    const change: PresenceChange = {
      joined: joined.map(({ user, info }) => info === undefined ? { user } : { user, info: JSON.stringify(info) }),
      left,
      count,
      timestampMs
    }
    return { kind: 'presence', change }
  } catch {
    return undefined
  }
}

function text (bytes: Uint8Array, start: number, end: number): string {
  const view = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return view.toString('utf8', start, end)
}
