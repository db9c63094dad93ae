import { createConnection, type Socket } from 'node:net'

/** WebSockets by hand (RFC 6455), for what no well-behaved client can be made to send. */
export const TEXT = 1
export const BINARY = 2
export const CLOSE = 8
export const PING = 9
export const PONG = 10

const MASK = [0x37, 0xfa, 0x21, 0x3d] as const

export interface FrameParts {
  readonly opcode?: number
  readonly isLast?: boolean
  /** RSV1 is 4, RSV2 is 2, RSV3 is 1. */
  readonly reserved?: number
  readonly isMasked?: boolean
  /** What the header claims, where that is not the truth. */
  readonly claimed?: number | bigint
}

/** A client's frame, as right or as wrong as is asked for. */
export function rawFrame (payload: string | Uint8Array, parts: FrameParts = {}): Buffer {
  const { opcode = TEXT, isLast = true, reserved = 0, isMasked = true } = parts
  const bytes = Buffer.from(payload as string)
  const length = BigInt(parts.claimed ?? bytes.length)
  const first = (isLast ? 0x80 : 0) | (reserved << 4) | opcode
  const mask = isMasked ? MASK : []
  const body = isMasked ? bytes.map((byte, index) => byte ^ MASK[index & 3]!) : bytes
  return Buffer.concat([lengthOf(first, isMasked ? 0x80 : 0, length), Buffer.from(mask), body])
}

function lengthOf (first: number, masked: number, length: bigint): Buffer {
  if (length < 126n) return Buffer.from([first, masked | Number(length)])
  if (length < 65_536n) {
    const header = Buffer.from([first, masked | 126, 0, 0])
    header.writeUInt16BE(Number(length), 2)
    return header
  }
  const header = Buffer.alloc(10)
  header[0] = first
  header[1] = masked | 127
  header.writeBigUInt64BE(length, 2)
  return header
}

export const UPGRADE_HEADERS = {
  host: 'x',
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ=='
}

/** The head of a request for an upgrade. */
export function upgradeHead (
  path = '/ws', headers: Readonly<Record<string, string>> = UPGRADE_HEADERS, line = `GET ${path} HTTP/1.1`
): string {
  return [line, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n')
}

export interface RawFrame { readonly opcode: number, readonly payload: Buffer }

/** What a gateway said on one connection, from its first byte on. */
export interface Said {
  /** Undefined where not even a head came. */
  readonly status: number | undefined
  readonly frames: readonly RawFrame[]
  /** Of its close frame; 1005 for one without a code. */
  readonly code: number | undefined
  readonly reason: string
  /** What its bytes are no right answer by; undefined for nothing. */
  readonly problem: string | undefined
}

/** Takes apart all that came from a gateway. */
export function readAnswer (bytes: Buffer): Said {
  const end = bytes.indexOf('\r\n\r\n')
  const nothing = { frames: [], code: undefined, reason: '', problem: undefined }
  if (end < 0) return { ...nothing, status: undefined, problem: bytes.length === 0 ? undefined : 'half a head' }
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(bytes.toString('latin1', 0, end))?.[1])
  if (Number.isNaN(status)) return { ...nothing, status: undefined, problem: 'no HTTP' }
  return status === 101 ? readFrames(bytes.subarray(end + 4)) : { ...nothing, status }
}

function readFrames (bytes: Buffer): Said {
  const frames: RawFrame[] = []
  let problem: string | undefined
  for (let at = 0; at < bytes.length && problem === undefined;) {
    const [first, second = 0] = [bytes[at]!, bytes[at + 1]]
    const short = second & 127
    const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10)
    const length = start > bytes.length ? Infinity : lengthAt(bytes, at + 2, short)
    if ((first & 0xf0) !== 0x80 || (second & 0x80) !== 0) problem = 'a frame of a form that servers do not send'
    else if (start + length > bytes.length) problem = 'half a frame'
    else if (frames.at(-1)?.opcode === CLOSE) problem = 'a frame after the close frame'
    else frames.push({ opcode: first & 15, payload: bytes.subarray(start, start + length) })
    at = start + length
  }
  const last = frames.at(-1)
  const isClosed = last?.opcode === CLOSE
  const code = !isClosed ? undefined : last.payload.length < 2 ? 1005 : last.payload.readUInt16BE(0)
  return { status: 101, frames, code, reason: isClosed ? last.payload.toString('utf8', 2) : '', problem }
}

function lengthAt (bytes: Buffer, at: number, short: number): number {
  if (short < 126) return short
  return short === 126 ? bytes.readUInt16BE(at) : Number(bytes.readBigUInt64BE(at))
}

export interface RawOptions { readonly host?: string, readonly localAddress?: string | undefined }

/** One TCP connection: what is written is up to the caller, what comes is kept. */
export class RawSocket {
  readonly socket: Socket
  /** When the other side has ended it, or it broke. */
  readonly ended: Promise<Said>
  #chunks: Buffer[] = []

  constructor (port: number, { host = '127.0.0.1', localAddress }: RawOptions = {}) {
    this.socket = createConnection({ port, host, localAddress, noDelay: true, allowHalfOpen: true })
    this.socket.on('data', (chunk) => { this.#chunks.push(chunk) })
    // A close follows.
    this.socket.on('error', () => {})
    this.socket.on('end', () => this.socket.end())
    this.ended = new Promise((resolve) => {
      this.socket.on('close', () => resolve(this.said))
    })
  }

  get said (): Said {
    this.#chunks = [Buffer.concat(this.#chunks)]
    return readAnswer(this.#chunks[0]!)
  }

  /** Resolves when what was said is so far. */
  async until (isSo: (said: Said) => boolean): Promise<Said> {
    for (;;) {
      const { said } = this
      if (isSo(said) || this.socket.destroyed) return said
      await new Promise<void>((resolve) => {
        const goOn = (): void => {
          this.socket.off('data', goOn)
          this.socket.off('close', goOn)
          resolve()
        }
        this.socket.on('data', goOn)
        this.socket.on('close', goOn)
      })
    }
  }
}
