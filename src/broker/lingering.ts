// Thousands may be left in the same moment, and to give one up costs some 10 us: a few go in each turn of the loop, and
// of many a share, so that it keeps up with those that are left, however seldom it gets a turn.
const LEAST_A_TURN = 16
const SHARE_A_TURN = 1 / 64

/** Names that are kept for the same while after they were left: the first to be left is the first to be given up. */
export class Lingering {
  readonly #lastsMs: number
  readonly #giveUp: (name: string) => void
  // When each is given up, by performance.now(); the first to be left first.
  readonly #ends = new Map<string, number>()
  // One for all of them.
  #timer: NodeJS.Timeout | undefined

  /** @param giveUp called when a name has lasted for `lastsMs`, and was not taken up again; it must not throw */
  constructor (lastsMs: number, giveUp: (name: string) => void) {
    this.#lastsMs = lastsMs
    this.#giveUp = giveUp
  }

  /** The name is left: it lasts from now on, anew where it was left before. */
  leave (name: string): void {
    this.#ends.delete(name)
    this.#ends.set(name, performance.now() + this.#lastsMs)
    this.#timer ??= setTimeout(() => this.#end(), this.#lastsMs)
  }

  /** It is needed again. */
  takeUp (name: string): void {
    this.#ends.delete(name)
  }

  /** Gives up the one that was left first, before its time; false where there is none. */
  giveUpOldest (): boolean {
    const [name] = this.#ends.keys()
    if (name === undefined) return false
    this.#ends.delete(name)
    this.#giveUp(name)
    return true
  }

  stop (): void {
    clearTimeout(this.#timer)
    this.#ends.clear()
  }

  #end (): void {
    const nowMs = performance.now()
    let places = Math.max(LEAST_A_TURN, this.#ends.size * SHARE_A_TURN)
    for (const [name, endsMs] of this.#ends) {
      if (endsMs > nowMs || places-- < 1) break
      this.#ends.delete(name)
      this.#giveUp(name)
    }
    const [next] = this.#ends.values()
    this.#timer = next === undefined ? undefined : setTimeout(() => this.#end(), Math.max(0, next - nowMs))
  }
}
