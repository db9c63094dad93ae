import { CliError, EXIT } from './exit.ts'
import { type Output, write } from './io.ts'

const MAX_WAITING = 10_000

/** Text on its way to an output that may be slower than what comes: bounded, and in order. */
export class Outlet {
  readonly #output: Output
  readonly #onError: (error: unknown) => void
  #waiting: string[] = []
  #writing: Promise<void> | undefined

  /** @param onError told once, when too much waits */
  constructor (output: Output, onError: (error: unknown) => void) {
    this.#output = output
    this.#onError = onError
  }

  push (text: string): void {
    if (this.#waiting.length >= MAX_WAITING) {
      this.#onError(new CliError(EXIT.failed, `the reader of the output is slower than the room: ${MAX_WAITING} lines wait`, 'Read faster, or go on with --since later.'))
      return
    }
    this.#waiting.push(text)
    this.#writing ??= this.#write()
  }

  /** When all is written. */
  async drained (): Promise<void> {
    await this.#writing
  }

  async #write (): Promise<void> {
    for (let text = this.#take(); text !== ''; text = this.#take()) await write(this.#output, text)
    this.#writing = undefined
  }

  /** All that waits, in one write. */
  #take (): string {
    const text = this.#waiting.join('')
    this.#waiting = []
    return text
  }
}
