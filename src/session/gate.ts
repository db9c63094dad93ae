/** Lets so many through at once; the others wait in order. */
export class Gate {
  readonly #size: number
  #waiting: Array<() => void> | undefined
  #inside = 0

  constructor (size: number) {
    this.#size = size
  }

  /** Undefined where there is a place at once; else resolves when there is. */
  enter (): Promise<void> | undefined {
    if (this.#inside >= this.#size) return new Promise<void>((resolve) => { (this.#waiting ??= []).push(resolve) })
    this.#inside++
    return undefined
  }

  /** Hands the place over to whoever waits longest. */
  leave (): void {
    const next = this.#waiting?.shift()
    if (next === undefined) this.#inside--
    else next()
  }
}
