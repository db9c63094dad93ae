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
 * comes is gathered, for a short while: to wake Redis costs more than most of what it is asked. A gap between commands
 * gathers more.
 */
export class TurnBatch<Ask, Answer> {
  /** How much was asked, and in how many commands. Read when somebody asks. */
  readonly counts = { asks: 0, commands: 0 }
  readonly #run: RunBatch<Ask, Answer>
  readonly #maxAsks: number
  readonly #gapMs: number
  #beganMs = -Infinity
  #asked: Array<Asked<Ask, Answer>> = []
  #underWay = 0
  // Runs while the turn has ended, and an earlier command has not been answered or has just begun.
  #gathering: NodeJS.Timeout | undefined
  readonly #turnEnded = (): void => {
    if (this.#mayLeave() || this.#asked.length >= this.#maxAsks) this.#flush()
    else if (this.#asked.length > 0) this.#gather(this.#underWay === 0 ? this.#gapMs : GATHER_MS)
  }

  readonly #flush = (): void => {
    clearTimeout(this.#gathering)
    this.#gathering = undefined
    const asked = this.#asked
    this.#asked = []
    for (let at = 0; at < asked.length; at += this.#maxAsks) void this.#carryOut(asked.slice(at, at + this.#maxAsks))
  }

  /**
   * @param maxAsks that are carried out at once: Redis does nothing else meanwhile
   * @param gapMs from the beginning of one command to that of the next, at least, where what is asked may wait: a crowd
   * costs fewer
   */
  constructor (run: RunBatch<Ask, Answer>, maxAsks: number, gapMs = 0) {
    this.#run = run
    this.#maxAsks = maxAsks
    this.#gapMs = gapMs
  }

  /** Rejects with what its own failed with, or all of them. */
  add (ask: Ask): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      const count = this.#asked.push({ ask, resolve, reject })
      if (count === 1 || count === this.#maxAsks) setImmediate(this.#turnEnded)
    })
  }

  #gather (waitMs: number): void {
    this.#gathering ??= setTimeout(this.#flush, waitMs)
  }

  #mayLeave (): boolean {
    return this.#underWay === 0 && (this.#gapMs === 0 || performance.now() - this.#beganMs >= this.#gapMs)
  }

  async #carryOut (asked: ReadonlyArray<Asked<Ask, Answer>>): Promise<void> {
    this.counts.asks += asked.length
    this.counts.commands++
    this.#underWay++
    if (this.#gapMs > 0) this.#beganMs = performance.now()
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
      if (this.#gathering !== undefined && this.#mayLeave()) this.#flush()
    }
  }
}
