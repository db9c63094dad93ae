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
  // Where each frame begins in the joined bytes, and where the last one ends.
  readonly #offsets: number[] = [0]
  #joined: Frame | undefined

  get length (): number {
    return this.#frames.length
  }

  /** False where nothing can be added any more: its bytes are on their way, or it is large. */
  get isOpen (): boolean {
    return this.#joined === undefined && this.#frames.length < MAX_FRAMES && this.#offsets.at(-1)! < MAX_BYTES
  }

  add (frame: Frame): void {
    this.#frames.push(frame)
    this.#offsets.push(this.#offsets.at(-1)! + frame.length)
  }

  /** The bytes of these frames, one after the other; nothing may be added after that. */
  bytes (from: number, to: number): Frame {
    this.#joined ??= this.#frames.length === 1 ? this.#frames[0]! : Buffer.concat(this.#frames)
    if (from === 0 && to === this.#frames.length) return this.#joined
    return this.#joined.subarray(this.#offsets[from], this.#offsets[to])
  }
}
