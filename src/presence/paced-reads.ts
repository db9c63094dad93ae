import { setTimeout as delay } from 'node:timers/promises'

/**
 * Reads of what is dear, by name. Whoever asks shares the next one that begins, never one under way: it would not know
 * of what has changed since. The more one brought, the longer the next waits.
 */
export class PacedReads<Result> {
  readonly #read: (name: string) => Promise<Result>
  readonly #restMsAfter: (result: Result) => number
  // Those that have not begun yet,
  readonly #next = new Map<string, Promise<Result>>()
  // and until when they wait.
  readonly #busy = new Map<string, Promise<void>>()

  constructor (read: (name: string) => Promise<Result>, restMsAfter: (result: Result) => number) {
    this.#read = read
    this.#restMsAfter = restMsAfter
  }

  async get (name: string): Promise<Result> {
    let next = this.#next.get(name)
    if (next === undefined) this.#next.set(name, next = this.#begin(name))
    return await next
  }

  async #begin (name: string): Promise<Result> {
    await this.#busy.get(name)
    this.#next.delete(name)
    const reading = this.#read(name)
    this.#busy.set(name, this.#rest(reading).finally(() => this.#busy.delete(name)))
    return await reading
  }

  async #rest (reading: Promise<Result>): Promise<void> {
    const restMs = await reading.then(this.#restMsAfter, () => 0)
    if (restMs >= 1) await delay(restMs, undefined, { ref: false })
  }
}
