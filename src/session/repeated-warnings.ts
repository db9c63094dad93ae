interface Logger {
  warn (fields: { readonly problem: string, readonly times: number }, message: string): void
}

const QUIET_MS = 10_000
// What a Redis says may name a key, which clients choose.
const MAX_PROBLEMS = 100
const OTHERS = 'others'

/** Warns of what clients can bring about as often as they like: at once, and then every 10 s with how often it was. */
export class RepeatedWarnings {
  readonly #logger: Logger
  readonly #quietMs: number
  /** How often since the last line, of what has been told of late. */
  readonly #times = new Map<string, number>()

  constructor (logger: Logger, quietMs = QUIET_MS) {
    this.#logger = logger
    this.#quietMs = quietMs
  }

  warn (message: string, problem: string): void {
    const key = `${message}: ${problem}`
    const times = this.#times.get(key)
    if (times !== undefined) this.#times.set(key, times + 1)
    else if (this.#times.size < MAX_PROBLEMS || problem === OTHERS) this.#tell(key, { problem, times: 1 }, message)
    else this.warn(message, OTHERS)
  }

  #tell (key: string, line: { problem: string, times: number }, message: string): void {
    this.#logger.warn(line, message)
    this.#times.set(key, 0)
    setTimeout(() => {
      const times = this.#times.get(key)!
      this.#times.delete(key)
      if (times > 0) this.#tell(key, { ...line, times }, message)
    }, this.#quietMs).unref()
  }
}
