import type { Deflater } from './deflater.ts'
import type { Frame } from './frame.ts'

// Members that are behind take nothing: what nobody takes is not collected without end.
const MAX_FRAMES = 256
const MAX_BYTES = 262_144

/**
 * Frames of one room that came in one turn of the event loop, in their order. Whoever gets all of them gets the same
 * bytes, joined once; whoever came in between gets a part of those.
 */
export class Batch {
  readonly #frames: Frame[] = []
  #bytes = 0
  #plain: Joined | undefined
  #deflated: Joined | undefined

  get length (): number {
    return this.#frames.length
  }

  /** False where nothing can be added any more: its bytes are on their way, or it is large. */
  get isOpen (): boolean {
    return this.#plain === undefined && this.#deflated === undefined &&
      this.#frames.length < MAX_FRAMES && this.#bytes < MAX_BYTES
  }

  add (frame: Frame): void {
    this.#frames.push(frame)
    this.#bytes += frame.length
  }

  /**
   * The bytes of these frames, one after the other; nothing may be added after that.
   * @param deflater of those who get them compressed
   */
  bytes (from: number, to: number, deflater?: Deflater): Frame {
    const joined = deflater === undefined
      ? this.#plain ??= new Joined(this.#frames)
      : this.#deflated ??= new Joined(this.#frames.map((frame) => deflater.of(frame)))
    return joined.part(from, to)
  }
}

class Joined {
  readonly #bytes: Frame
  // Where each frame begins in them, and where the last one ends; of one frame alone nobody asks.
  readonly #offsets: number[] = [0]

  constructor (frames: readonly Frame[]) {
    this.#bytes = frames.length === 1 ? frames[0]! : Buffer.concat(frames)
    if (frames.length > 1) for (const frame of frames) this.#offsets.push(this.#offsets.at(-1)! + frame.length)
  }

  part (from: number, to: number): Frame {
    const isWhole = from === 0 && to >= this.#offsets.length - 1
    return isWhole ? this.#bytes : this.#bytes.subarray(this.#offsets[from], this.#offsets[to])
  }
}
