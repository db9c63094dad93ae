import { type Cursor, formatCursor } from '../protocol/cursor.ts'
import type { Entry, Signal } from '../protocol/entry.ts'
import type { RequestId } from '../protocol/messages.ts'
import { ALL, POSITION } from '../protocol/rooms.ts'

/**
 * One whole WebSocket text frame, header and payload (RFC 6455 section 5.2, unmasked, as servers send).
 * Built once and handed to every socket as the same bytes: nobody may write into it.
 */
export type Frame = Uint8Array

/** Where a frame stands in its room's log. What a ring keeps, and what members are offered. */
export interface Sent extends Cursor {
  readonly prev: string
  readonly timestampMs: number
  readonly frame: Frame
  readonly except: string | undefined
}

/** What is at least so large is not copied to be written with others. */
export const LARGE_BYTES = 8_192

/** Of a payload: text, or bytes of text. */
export type Part = string | Uint8Array

/** A message's payload: what is before its content, that, and what is behind it. */
export type MessageParts = readonly [head: string, content: Uint8Array, tail: string]

const FIN_TEXT = 0x81
const LENGTH_16 = 126
const LENGTH_64 = 127

/** The frame whose payload is these parts, one after the other. */
export function textFrame (...parts: readonly Part[]): Frame {
  const length = bytesOf(parts)
  const frame = Buffer.allocUnsafe(headerBytes(length) + length)
  fill(frame, writeHeader(frame, length), parts)
  return frame
}

/**
 * The same frame in pieces: what is large is no copy, and what is small between two of these is one piece. Copies of
 * what is large are memory that V8 collects late, and then for long.
 */
export function textPieces (...parts: readonly Part[]): Frame[] {
  const length = bytesOf(parts)
  const header = Buffer.allocUnsafe(headerBytes(length))
  writeHeader(header, length)
  return joinSmall([header, ...parts])
}

/** As few pieces as can be had where nothing large is copied. */
export function joinSmall (parts: readonly Part[]): Frame[] {
  const pieces: Frame[] = []
  let small: Part[] = []
  const endSmall = (): void => {
    if (small.length > 0) pieces.push(joined(small))
    small = []
  }
  for (const part of parts) {
    if (typeof part === 'string' || part.length < LARGE_BYTES) small.push(part)
    else {
      endSmall()
      pieces.push(part)
    }
  }
  endSmall()
  return pieces
}

function joined (parts: readonly Part[]): Frame {
  const bytes = Buffer.allocUnsafe(bytesOf(parts))
  fill(bytes, 0, parts)
  return bytes
}

function bytesOf (parts: readonly Part[]): number {
  let length = 0
  for (const part of parts) length += typeof part === 'string' ? Buffer.byteLength(part) : part.length
  return length
}

function fill (bytes: Buffer, start: number, parts: readonly Part[]): void {
  let at = start
  for (const part of parts) {
    if (typeof part === 'string') at += bytes.write(part, at)
    else {
      bytes.set(part, at)
      at += part.length
    }
  }
}

function headerBytes (length: number): number {
  return length < LENGTH_16 ? 2 : length < 65_536 ? 4 : 10
}

function writeHeader (frame: Buffer, length: number): number {
  frame[0] = FIN_TEXT
  if (length < LENGTH_16) {
    frame[1] = length
    return 2
  }
  if (length < 65_536) {
    frame[1] = LENGTH_16
    frame.writeUInt16BE(length, 2)
    return 4
  }
  frame[1] = LENGTH_64
  frame.writeBigUInt64BE(BigInt(length), 2)
  return 10
}

/** A frame's payload, without copying it: what goes to clients that are no sockets. */
export function payloadOf (frame: Frame): Uint8Array {
  return frame.subarray(frame[1] === LENGTH_64 ? 10 : frame[1] === LENGTH_16 ? 4 : 2)
}

/** The payloads of whole frames that were joined, in their order, without copying them. None may be compressed. */
export function payloadsOf (joined: Frame): Uint8Array[] {
  const view = new DataView(joined.buffer, joined.byteOffset, joined.byteLength)
  const payloads: Uint8Array[] = []
  for (let at = 0; at < joined.length;) {
    const short = joined[at + 1]!
    const length = short === LENGTH_64
      ? Number(view.getBigUint64(at + 2))
      : short === LENGTH_16 ? view.getUint16(at + 2) : short
    const from = at + headerBytes(length)
    at = from + length
    payloads.push(joined.subarray(from, at))
  }
  return payloads
}

/** The frame of anything that is not a room's message. */
export function replyFrame (reply: object): Frame {
  return textFrame(JSON.stringify(reply))
}

/** A numbered message, as every client on every replica sees it: the same bytes for the same entry. */
export function sentEntry (room: string, entry: Entry): Sent {
  return {
    epoch: entry.epoch,
    seq: entry.seq,
    id: entry.id,
    prev: entry.prev,
    timestampMs: entry.timestampMs,
    except: entry.except,
    frame: textFrame(...messageParts(room, entry))
  }
}

/** The payload of an entry's frame. */
export function messageParts (room: string, entry: Entry): MessageParts {
  return [entryHead(room, entry), entry.content, tail(entry)]
}

function entryHead (room: string, entry: Entry): string {
  const place = `"seq":${entry.seq},"cursor":"${formatCursor(entry)}"`
  if (room === ALL) return `{"type":"broadcast",${place},"from":${entry.from},"content":`
  if (room === POSITION) return `{"type":"position","room":"${room}",${place},"position":`
  return `{"type":"message","room":"${room}",${place},"from":${entry.from},"content":`
}

/** A message that is not stored: of a `live` room, or ephemeral. */
export function signalFrame (room: string, signal: Signal): Frame {
  return textFrame(`{"type":"message","room":"${room}","from":${signal.from},"content":`, signal.content, tail(signal))
}

let tailMs = -1
let tailText = ''

/** Many messages come in one millisecond. */
function tail ({ timestampMs }: Signal): string {
  if (timestampMs !== tailMs) {
    tailMs = timestampMs
    tailText = `,"timestamp":"${new Date(timestampMs).toISOString()}"}`
  }
  return tailText
}

/** The answer to `history`, in pieces: each message as its own frame's payload, oldest first. */
export function historyPieces (
  id: RequestId | undefined, room: string, messages: readonly MessageParts[], more: boolean
): Frame[] {
  return textPieces(`{"type":"history",${idText(id)}"room":"${room}","messages":[`, ...listed(messages), `],"more":${more}}`)
}

/** The elements of a list in JSON. */
export function listed (messages: readonly MessageParts[]): Part[] {
  return messages.flatMap((parts, index) => index === 0 ? parts : [',', ...parts])
}

/** The newest that fit into so many bytes, but at least one. */
export function newestWithin<T> (all: readonly T[], sizeOf: (one: T) => number, maxBytes: number): readonly T[] {
  let bytes = 0
  let from = all.length
  while (from > 0) {
    bytes += sizeOf(all[from - 1]!)
    if (bytes > maxBytes && from < all.length) break
    from--
  }
  return all.slice(from)
}

/** @param list of members, as JSON text */
export function membersFrame (id: RequestId | undefined, room: string, count: number, list: string): Frame {
  return textFrame(`{"type":"members",${idText(id)}"room":"${room}","count":${count},"members":`, list, '}')
}

function idText (id: RequestId | undefined): string {
  return id === undefined ? '' : `"id":${JSON.stringify(id)},`
}
