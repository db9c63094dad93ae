interface Asked<Ask, Answer> {
  readonly ask: Ask
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/** One answer for each that was asked, in the same order; an Error for one that failed alone. */
export type RunBatch<Ask, Answer> = (asks: readonly Ask[]) => Promise<ReadonlyArray<Answer | Error>>

/**
 * What is asked within one turn of the event loop is carried out together, in its order: one command, one write and one
 * deadline for all of it. Alone, it leaves at the end of its turn.
 */
export class TurnBatch<Ask, Answer> {
  /** How much was asked, and in how many commands. Read when somebody asks. */
  readonly counts = { asks: 0, commands: 0 }
  readonly #run: RunBatch<Ask, Answer>
  readonly #maxAsks: number
  #asked: Array<Asked<Ask, Answer>> = []
  readonly #flush = (): void => {
    const asked = this.#asked
    this.#asked = []
    for (let at = 0; at < asked.length; at += this.#maxAsks) void this.#carryOut(asked.slice(at, at + this.#maxAsks))
  }

  /** @param maxAsks that are carried out at once: Redis does nothing else meanwhile */
  constructor (run: RunBatch<Ask, Answer>, maxAsks: number) {
    this.#run = run
    this.#maxAsks = maxAsks
  }

  /** Rejects with what its own failed with, or all of them. */
  add (ask: Ask): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      if (this.#asked.push({ ask, resolve, reject }) === 1) setImmediate(this.#flush)
    })
  }

  async #carryOut (asked: ReadonlyArray<Asked<Ask, Answer>>): Promise<void> {
    this.counts.asks += asked.length
    this.counts.commands++
    try {
      const answers = await this.#run(asked.map(({ ask }) => ask))
      asked.forEach(({ resolve, reject }, index) => {
        const answer = answers[index]!
        if (answer instanceof Error) reject(answer)
        else resolve(answer)
      })
    } catch (error) {
      for (const { reject } of asked) reject(error)
    }
  }
}
