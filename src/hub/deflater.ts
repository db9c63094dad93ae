import { constants, deflateRawSync } from 'node:zlib'
import { type Frame, payloadOf, textFrame } from './frame.ts'

// RFC 7692 section 5.4: the first of the reserved bits says that a message is compressed.
const RSV1 = 0x40
// Deflate's empty block, which ends each message and is left out (RFC 7692 section 7.2.1).
const TAIL_BYTES = 4
// A page of history may have a megabyte: the loop would stand still for it.
const MAX_BYTES = 65_536

/**
 * Compresses frames for those who negotiated permessage-deflate without context takeover (RFC 7692 section 7.1.1): then
 * one frame's bytes do not depend on those before it, and it is compressed once for all of them.
 */
export class Deflater {
  readonly #minBytes: number
  // For as long as the frame itself is kept, in a ring or a queue.
  readonly #deflated = new WeakMap<Frame, Frame>()

  /** @param minBytes payloads of less are sent as they are */
  constructor (minBytes: number) {
    this.#minBytes = minBytes
  }

  /** The frame as it is sent to them: the same bytes for the same frame; itself where it would not get smaller. */
  of (frame: Frame): Frame {
    if (frame.length > MAX_BYTES) return frame
    let deflated = this.#deflated.get(frame)
    if (deflated === undefined) this.#deflated.set(frame, deflated = deflate(frame, this.#minBytes))
    return deflated
  }
}

function deflate (frame: Frame, minBytes: number): Frame {
  const payload = payloadOf(frame)
  if (payload.length < minBytes) return frame
  const block = deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH })
  const deflated = textFrame(block.subarray(0, -TAIL_BYTES))
  if (deflated.length >= frame.length) return frame
  deflated[0]! |= RSV1
  return deflated
}
