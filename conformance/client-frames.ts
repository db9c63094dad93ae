/** Frames as a client sends them (RFC 6455 section 5.2), right ones and wrong ones. */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export interface FrameOptions {
  readonly opcode: number
  readonly payload?: string | Uint8Array
  /** False where more fragments follow. */
  readonly fin?: boolean
  /** The three reserved bits as a number of 0 to 7: RSV1 counts 4. */
  readonly rsv?: number
  /** Undefined for no mask, which no client may leave out. */
  readonly mask?: readonly [number, number, number, number] | undefined
  /** What the header says instead of the payload's length: with it the frame is cut off, or goes on. */
  readonly claims?: bigint
}

// Any mask but zeros would do: with those a server that forgets to unmask would not be found.
const MASK = [0x5a, 0xc3, 0x17, 0xe8] as const
const LONGEST_IN_7_BITS = 125
const LONGEST_IN_16_BITS = 65_535n

export function frame (options: FrameOptions): Buffer {
  const { opcode, payload = '', fin = true, rsv = 0, claims } = options
  const mask = 'mask' in options ? options.mask : MASK
  const bytes = Buffer.from(payload as string)
  const length = lengthField(claims ?? BigInt(bytes.length))
  if (mask !== undefined) length[0]! |= 0x80
  return Buffer.concat([
    Buffer.of((fin ? 0x80 : 0) | rsv << 4 | opcode),
    length,
    Buffer.from(mask ?? []),
    mask === undefined ? bytes : bytes.map((byte, index) => byte ^ mask[index & 3]!)
  ])
}

function lengthField (length: bigint): Buffer {
  if (length <= LONGEST_IN_7_BITS) return Buffer.of(Number(length))
  const field = Buffer.alloc(length <= LONGEST_IN_16_BITS ? 3 : 9)
  if (length <= LONGEST_IN_16_BITS) {
    field[0] = 126
    field.writeUInt16BE(Number(length), 1)
  } else {
    field[0] = 127
    field.writeBigUInt64BE(length, 1)
  }
  return field
}

type Rest = Omit<FrameOptions, 'opcode' | 'payload'>

export function text (payload: string | Uint8Array = '', rest: Rest = {}): Buffer {
  return frame({ opcode: OPCODE.text, payload, ...rest })
}

export function binary (payload: string | Uint8Array = '', rest: Rest = {}): Buffer {
  return frame({ opcode: OPCODE.binary, payload, ...rest })
}

export function continuation (payload: string | Uint8Array = '', rest: Rest = {}): Buffer {
  return frame({ opcode: OPCODE.continuation, payload, ...rest })
}

export function ping (payload: string | Uint8Array = '', rest: Rest = {}): Buffer {
  return frame({ opcode: OPCODE.ping, payload, ...rest })
}

export function pong (payload: string | Uint8Array = '', rest: Rest = {}): Buffer {
  return frame({ opcode: OPCODE.pong, payload, ...rest })
}

/** @param code none for a close frame that says nothing */
export function close (code?: number, reason: string | Uint8Array = '', rest: Rest = {}): Buffer {
  const head = code === undefined ? [] : [code >> 8 & 0xff, code & 0xff]
  const payload = Buffer.concat([Buffer.from(head), Buffer.from(reason as string)])
  return frame({ opcode: OPCODE.close, payload, ...rest })
}

/** One message in fragments of these payloads. */
export function fragments (payloads: ReadonlyArray<string | Uint8Array>, opcode: number = OPCODE.text): Buffer[] {
  return payloads.map((payload, index) => frame({
    opcode: index === 0 ? opcode : OPCODE.continuation, payload, fin: index === payloads.length - 1
  }))
}

/** A payload cut into pieces of so many bytes. */
export function pieces (payload: string | Uint8Array, bytes: number): Buffer[] {
  const whole = Buffer.from(payload as string)
  return Array.from({ length: Math.ceil(whole.length / bytes) }, (_, n) => whole.subarray(n * bytes, (n + 1) * bytes))
}
