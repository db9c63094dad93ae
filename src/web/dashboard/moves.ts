// A move every 60 ms looks smooth to those who watch, and is far from the limits of rate.
const PACE_MS = 60

/** Moves of the car: one is under way at a time, and the next one takes all that came meanwhile. */
export class Moves {
  readonly #move: (delta: number) => Promise<boolean>
  readonly #onEnd: (isMoved: boolean) => void
  #waiting = 0
  #isUnderway = false

  /**
   * @param move resolves with whether it has moved
   * @param onEnd is called when nothing is under way any more, with what became of the last one
   */
  constructor (move: (delta: number) => Promise<boolean>, onEnd: (isMoved: boolean) => void) {
    this.#move = move
    this.#onEnd = onEnd
  }

  get isUnderway (): boolean {
    return this.#isUnderway
  }

  add (delta: number): void {
    this.#waiting += delta
    if (!this.#isUnderway) void this.#pump()
  }

  async #pump (): Promise<void> {
    this.#isUnderway = true
    let isMoved = true
    while (this.#waiting !== 0 && isMoved) {
      const delta = this.#waiting
      this.#waiting = 0
      isMoved = await this.#move(delta)
      await new Promise((resolve) => { setTimeout(resolve, PACE_MS) })
    }
    // What came after one that failed was meant from where that would have led.
    this.#waiting = 0
    this.#isUnderway = false
    this.#onEnd(isMoved)
  }
}
