/** A text of these bytes at this place of its payload is a message; everything else a server says is not. */
export interface Mark { readonly at: number, readonly bytes: Uint8Array }

/** Where one connection's stream of frames stands. */
export interface FrameStream {
  /** Bytes of a message that are still to come, and are not looked at. */
  skip: number
  /** The beginning of a frame that could not be judged yet. */
  kept: Buffer | undefined
  messages: number
}

export interface FrameSink<Stream extends FrameStream> {
  /** Each message, where its payload starts and ends; 0 for the end where it is not wholly there. */
  onMessage (stream: Stream, buffer: Buffer, start: number, end: number): void
  /** A frame of another sort, whole. */
  onOther (stream: Stream, opcode: number, payload: Buffer): void
}

export type Scan<Stream extends FrameStream> = (stream: Stream, buffer: Buffer, length: number) => void

const TEXT = 1

export function newStream (): FrameStream {
  return { skip: 0, kept: undefined, messages: 0 }
}

/** Reads a server's frames (unmasked, unfragmented): it hops from header to header, and copies no message. */
export function createScan<Stream extends FrameStream> (mark: Mark, sink: FrameSink<Stream>): Scan<Stream> {
  const { at: markAt, bytes } = mark
  const markBytes = bytes.length
  const peekBytes = markAt + markBytes

  return (stream, chunk, chunkLength) => {
    let at = 0
    if (stream.skip > 0) {
      if (stream.skip >= chunkLength) {
        stream.skip -= chunkLength
        return
      }
      at = stream.skip
      stream.skip = 0
    }
    let buffer = chunk
    let length = chunkLength
    if (stream.kept !== undefined) {
      buffer = Buffer.concat([stream.kept, chunk.subarray(0, chunkLength)])
      length = buffer.length
      stream.kept = undefined
    }
    while (at < length) {
      const start = payloadStart(buffer, at, length)
      if (start === 0) break
      const opcode = buffer[at]! & 0x0f
      const size = payloadSize(buffer, at, start)
      const end = start + size
      if (opcode === TEXT && size >= peekBytes) {
        if (length - start < peekBytes) break
        if (isMessage(buffer, start)) {
          stream.messages++
          sink.onMessage(stream, buffer, start, end <= length ? end : 0)
          if (end > length) {
            stream.skip = end - length
            return
          }
          at = end
          continue
        }
      }
      if (end > length) break
      sink.onOther(stream, opcode, buffer.subarray(start, end))
      at = end
    }
    // What lies in the buffer is overwritten by the next read.
    if (at < length) stream.kept = Buffer.from(buffer.subarray(at, length))
  }

  function isMessage (buffer: Buffer, start: number): boolean {
    for (let index = 0; index < markBytes; index++) {
      if (buffer[start + markAt + index] !== bytes[index]) return false
    }
    return true
  }
}

/** 0 where the header is not wholly there. */
function payloadStart (buffer: Buffer, at: number, length: number): number {
  if (length - at < 2) return 0
  const size = buffer[at + 1]! & 0x7f
  const start = at + (size === 126 ? 4 : size === 127 ? 10 : 2)
  return start <= length ? start : 0
}

function payloadSize (buffer: Buffer, at: number, start: number): number {
  if (start - at === 2) return buffer[at + 1]! & 0x7f
  if (start - at === 4) return buffer.readUInt16BE(at + 2)
  return buffer.readUInt32BE(at + 2) * 2 ** 32 + buffer.readUInt32BE(at + 6)
}
