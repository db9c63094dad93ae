/** Lets so many through at once; the others wait in order. */
export class Gate {
  readonly #size: number
  readonly #waiting: Array<() => void> = []
  #inside = 0

  constructor (size: number) {
    this.#size = size
  }

  async enter (): Promise<void> {
    if (this.#inside < this.#size) this.#inside++
    else await new Promise<void>((resolve) => { this.#waiting.push(resolve) })
  }

  /** Hands the place over to whoever waits longest. */
  leave (): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#inside--
    else next()
  }
}
