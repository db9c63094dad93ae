const FIN = 0x80
const MASKED = 0x80
const TEXT = 1
// ws passes over a mask of zeros; a browser's is never that.
const MASK = [0x37, 0xfa, 0x21, 0x3d] as const

/** A client's frame, and where in it the payload starts. */
export function maskedFrame (
  payload: string | Buffer, opcode = TEXT
): { frame: Buffer, start: number, mask: readonly number[] } {
  const bytes = Buffer.from(payload as string)
  const isLong = bytes.length > 125
  const start = isLong ? 8 : 6
  const frame = Buffer.allocUnsafe(start + bytes.length)
  frame[0] = FIN | opcode
  frame[1] = MASKED | (isLong ? 126 : bytes.length)
  if (isLong) frame.writeUInt16BE(bytes.length, 2)
  MASK.forEach((byte, index) => { frame[start - 4 + index] = byte })
  for (let index = 0; index < bytes.length; index++) frame[start + index] = bytes[index]! ^ MASK[index & 3]!
  return { frame, start, mask: MASK }
}
