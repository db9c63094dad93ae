interface Asked<Ask, Answer> {
  readonly ask: Ask
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/** One answer for each that was asked, in the same order; an Error for one that failed alone. */
type RunBatch<Ask, Answer> = (asks: readonly Ask[]) => Promise<ReadonlyArray<Answer | Error>>

// Within a data centre the answer is mostly there before; nobody waits for a distant Redis for longer.
const GATHER_MS = 2

/**
 * What is asked within one turn of the event loop is carried out together, in its order: one command, one write and one
 * deadline for all of it. Alone, it leaves at the end of its turn; while an earlier command waits for its answer, what
 * comes is gathered, for a short while: to wake Redis costs more than most of what it is asked.
 */
export class TurnBatch<Ask, Answer> {
  /** How much was asked, and in how many commands. Read when somebody asks. */
  readonly counts = { asks: 0, commands: 0 }
  readonly #run: RunBatch<Ask, Answer>
  readonly #maxAsks: number
  #asked: Array<Asked<Ask, Answer>> = []
  #underWay = 0
  // Runs while the turn has ended and an earlier command has not been answered.
  #gathering: NodeJS.Timeout | undefined
  readonly #turnEnded = (): void => {
    if (this.#underWay === 0 || this.#asked.length >= this.#maxAsks) this.#flush()
    else if (this.#asked.length > 0) this.#gathering ??= setTimeout(this.#flush, GATHER_MS)
  }

  readonly #flush = (): void => {
    clearTimeout(this.#gathering)
    this.#gathering = undefined
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
      const count = this.#asked.push({ ask, resolve, reject })
      if (count === 1 || count === this.#maxAsks) setImmediate(this.#turnEnded)
    })
  }

  async #carryOut (asked: ReadonlyArray<Asked<Ask, Answer>>): Promise<void> {
    this.counts.asks += asked.length
    this.counts.commands++
    this.#underWay++
    try {
      const answers = await this.#run(asked.map(({ ask }) => ask))
      asked.forEach(({ resolve, reject }, index) => {
        const answer = answers[index]!
        if (answer instanceof Error) reject(answer)
        else resolve(answer)
      })
    } catch (error) {
      for (const { reject } of asked) reject(error)
    } finally {
      this.#underWay--
      if (this.#underWay === 0 && this.#gathering !== undefined) this.#flush()
    }
  }
}
