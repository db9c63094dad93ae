// A page may be four times as much: then it is the only one of its turn.
const MAX_BYTES = 65_536

/**
 * How much of the past is told in one turn of the loop: over all connections, so that many that ask for much of it at
 * once hold up nobody who asks for little. Who comes too late in a turn has the first place in the next.
 */
export class TurnShare {
  #spentBytes = 0
  /** Whether somebody has entered who has told nothing yet. */
  #isTaken = false
  readonly #waiting: Array<() => void> = []
  #isTurnAwaited = false

  /** Undefined where there is something left of this turn; else resolves when there is. `spend` follows. */
  enter (): Promise<void> | undefined {
    this.#awaitTurn()
    if (this.#isTaken || this.#spentBytes >= MAX_BYTES) {
      return new Promise<void>((resolve) => { this.#waiting.push(resolve) })
    }
    this.#isTaken = true
    return undefined
  }

  /** So much has been told. */
  spend (bytes: number): void {
    this.#spentBytes += bytes
    this.#isTaken = false
    this.#goOn()
  }

  #goOn (): void {
    if (this.#spentBytes >= MAX_BYTES) return
    const next = this.#waiting.shift()
    this.#isTaken = next !== undefined
    next?.()
  }

  #awaitTurn (): void {
    if (this.#isTurnAwaited) return
    this.#isTurnAwaited = true
    setImmediate(() => {
      this.#isTurnAwaited = false
      this.#spentBytes = 0
      this.#goOn()
      if (this.#isTaken) this.#awaitTurn()
    })
  }
}
