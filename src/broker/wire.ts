import type { Draft, Entry, Envelope, Signal } from '../protocol/entry.ts'

/**
 * What travels between replicas: a header line, a sender line, and the content as it was written.
 *
 *     1 E <seq> <epoch> <id> <prev> <timestampMs>\n      an entry of the log (redis/scripts.ts writes it)
 *     1 S <timestampMs>\n                                a signal, which is not stored
 *     <from, a JSON string>\t<connection that asked for no echo, or nothing>\n
 *     <content, JSON text>
 *
 * The first digit is the version of this format: what a replica does not know it ignores, so that two versions
 * can share one Redis while a deployment rolls. A JSON string holds neither tab nor newline of its own.
 */
export const WIRE_VERSION = '1'

const NEWLINE = 0x0a

/** The sender line and the content: what the log stores of a message. */
export function encodeBody (draft: Pick<Draft, 'from' | 'content' | 'except'>): string {
  return `${draft.from}\t${draft.except ?? ''}\n${draft.content}`
}

/** @returns the sender, who gets no echo, and the content as a view of the same bytes */
export function decodeBody (body: Uint8Array): Pick<Signal, 'from' | 'except' | 'content'> {
  const end = body.indexOf(NEWLINE)
  const line = text(body, 0, end)
  const tab = line.indexOf('\t')
  return { from: line.slice(0, tab), except: line.slice(tab + 1) || undefined, content: body.subarray(end + 1) }
}

export function encodeSignal (signal: Signal): Buffer {
  const head = `${WIRE_VERSION} S ${signal.timestampMs}\n${signal.from}\t${signal.except ?? ''}\n`
  return Buffer.concat([Buffer.from(head), signal.content])
}

/** Undefined where the payload is of a version that this replica does not know, or no payload of ours. */
export function decodeEnvelope (payload: Uint8Array): Envelope | undefined {
  const end = payload.indexOf(NEWLINE)
  const [version, kind, ...rest] = text(payload, 0, end).split(' ')
  if (end < 0 || version !== WIRE_VERSION || payload.indexOf(NEWLINE, end + 1) < 0) return undefined
  const body = decodeBody(payload.subarray(end + 1))
  if (kind === 'S') return { kind: 'signal', signal: { ...body, timestampMs: Number(rest[0]) } }
  return kind === 'E' ? { kind: 'entry', entry: decodeEntry(rest, body) } : undefined
}

function decodeEntry (header: readonly string[], body: Pick<Signal, 'from' | 'except' | 'content'>): Entry {
  const [seq, epoch, id, prev, timestampMs] = header as [string, string, string, string, string]
  return {
    seq: Number(seq),
    epoch,
    id,
    prev,
    timestampMs: Number(timestampMs),
    from: body.from,
    except: body.except,
    content: body.content
  }
}

function text (bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8', start, end)
}
