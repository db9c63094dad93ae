/** One page of the past may be as much; so the loop is held up by two of them at most. */
const MAX_BYTES = 262_144

/**
 * How much of the past is told in one turn of the loop: over all connections, so that many that ask for much of it at
 * once hold up nobody who asks for little. Who comes too late in a turn has the first place in the next.
 */
export class TurnShare {
  #spentBytes = 0
  #waiting: Array<() => void> = []
  #isTurnAwaited = false

  /** Undefined where there is something left of this turn; else resolves in one in which there is. */
  enter (): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#spentBytes < MAX_BYTES) return undefined
    const entered = new Promise<void>((resolve) => { this.#waiting.push(resolve) })
    this.#awaitTurn()
    return entered
  }

  /** So much has been told in this turn. */
  spend (bytes: number): void {
    this.#spentBytes += bytes
    this.#awaitTurn()
    if (this.#spentBytes < MAX_BYTES) this.#waiting.shift()?.()
  }

  #awaitTurn (): void {
    if (this.#isTurnAwaited) return
    this.#isTurnAwaited = true
    setImmediate(() => {
      this.#isTurnAwaited = false
      this.#spentBytes = 0
      // What it has read, it spends.
      this.#waiting.shift()?.()
      if (this.#waiting.length > 0) this.#awaitTurn()
    })
  }
}
