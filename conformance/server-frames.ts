import { isUtf8 } from 'node:buffer'
import { OPCODE } from './client-frames.ts'

/** What a server sent. */
export type Arrival =
  | { readonly kind: 'text' | 'binary' | 'ping' | 'pong', readonly payload: Buffer }
  /** 1005: without a code. */
  | { readonly kind: 'close', readonly code: number }
  /** It breaks RFC 6455 itself. */
  | { readonly kind: 'fault', readonly fault: string }

interface Header { readonly opcode: number, readonly fin: boolean, readonly start: number, readonly end: number }

const NO_CODE = 1005

/** Reads what a server sends, and lets nothing pass that a server may not do (RFC 6455 section 5). */
export class ServerFrames {
  #bytes = Buffer.alloc(0)
  #message: { readonly kind: 'text' | 'binary', readonly parts: Buffer[] } | undefined
  #isClosed = false

  /** Whatever is whole by now. */
  push (chunk: Buffer): Arrival[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    const arrivals: Arrival[] = []
    for (;;) {
      const header = readHeader(this.#bytes)
      if (header === undefined) return arrivals
      if (typeof header === 'string') return [...arrivals, { kind: 'fault', fault: header }]
      if (this.#bytes.length < header.end) return arrivals
      const payload = this.#bytes.subarray(header.start, header.end)
      this.#bytes = this.#bytes.subarray(header.end)
      const arrival = this.#take(header, payload)
      if (arrival !== undefined) arrivals.push(arrival)
      if (arrival?.kind === 'fault') return arrivals
    }
  }

  /** What is wrong with an end of the connection at this place; undefined for nothing. */
  end (): string | undefined {
    return this.#bytes.length > 0 ? 'the connection ended within a frame' : undefined
  }

  #take ({ opcode, fin }: Header, payload: Buffer): Arrival | undefined {
    if (this.#isClosed) return { kind: 'fault', fault: 'a frame after the close frame' }
    switch (opcode) {
      case OPCODE.text:
      case OPCODE.binary:
        if (this.#message !== undefined) return { kind: 'fault', fault: 'a new message within a fragmented one' }
        this.#message = { kind: opcode === OPCODE.text ? 'text' : 'binary', parts: [payload] }
        return fin ? this.#finish() : undefined
      case OPCODE.continuation:
        if (this.#message === undefined) return { kind: 'fault', fault: 'a continuation of nothing' }
        this.#message.parts.push(payload)
        return fin ? this.#finish() : undefined
      case OPCODE.close:
        this.#isClosed = true
        return readClose(payload)
      case OPCODE.ping: return { kind: 'ping', payload }
      case OPCODE.pong: return { kind: 'pong', payload }
      default: return { kind: 'fault', fault: `opcode ${opcode}` }
    }
  }

  #finish (): Arrival {
    const { kind, parts } = this.#message!
    this.#message = undefined
    const payload = Buffer.concat(parts)
    if (kind === 'text' && !isUtf8(payload)) return { kind: 'fault', fault: 'a text that is not UTF-8' }
    return { kind, payload }
  }
}

/** Undefined where it is not whole yet; a text says what is wrong with it. */
function readHeader (bytes: Buffer): Header | string | undefined {
  if (bytes.length < 2) return undefined
  const [first, second] = bytes as unknown as [number, number]
  const opcode = first & 0x0f
  const fin = (first & 0x80) !== 0
  if ((first & 0x70) !== 0) return `reserved bits are set: ${first >> 4 & 7}`
  if ((second & 0x80) !== 0) return 'a server masks nothing'
  const short = second & 0x7f
  if (opcode >= OPCODE.close && (short > 125 || !fin)) return 'a control frame that is fragmented, or over 125 bytes'
  const start = short === 127 ? 10 : short === 126 ? 4 : 2
  if (bytes.length < start) return undefined
  const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short
  const isTooLong = (short === 126 && length < 126) || (short === 127 && length < 65_536)
  if (isTooLong) return `${length} in more bytes than it takes`
  return { opcode, fin, start, end: start + length }
}

function readClose (payload: Buffer): Arrival {
  if (payload.length === 0) return { kind: 'close', code: NO_CODE }
  if (payload.length === 1) return { kind: 'fault', fault: 'a close frame with half a code' }
  const code = payload.readUInt16BE()
  const isKnown = (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code <= 4999)
  if (!isKnown) return { kind: 'fault', fault: `a close frame with ${code}, which nobody may send` }
  if (!isUtf8(payload.subarray(2))) return { kind: 'fault', fault: 'a close frame whose reason is not UTF-8' }
  return { kind: 'close', code }
}
