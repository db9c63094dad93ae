import { signal } from '@preact/signals'

// A move every 60 ms looks smooth to those who watch, and is far from the limits of rate.
const PACE_MS = 60

/** Drags the car: one move is under way at a time, and the next one takes all that came meanwhile. */
export class Steering {
  /** Where it is held; undefined where nobody holds it. */
  readonly held = signal<number | undefined>(undefined)
  readonly #move: (delta: number) => Promise<void>
  #sent = 0
  #isUnderway = false
  #isLetGo = false

  constructor (move: (delta: number) => Promise<void>) {
    this.#move = move
  }

  take (position: number): void {
    this.#isLetGo = false
    this.#sent = position
    this.held.value = position
  }

  to (position: number): void {
    this.held.value = Math.round(position)
    if (!this.#isUnderway) void this.#pump()
  }

  /** It stays where it is held until the gateway has it. */
  letGo (): void {
    this.#isLetGo = true
    if (!this.#isUnderway) this.held.value = undefined
  }

  async #pump (): Promise<void> {
    this.#isUnderway = true
    try {
      for (let target = this.held.peek(); target !== undefined && target !== this.#sent; target = this.held.peek()) {
        const delta = target - this.#sent
        this.#sent = target
        await this.#move(delta)
        await new Promise((resolve) => { setTimeout(resolve, PACE_MS) })
      }
    } catch {
      this.#isLetGo = true
    } finally {
      this.#isUnderway = false
      if (this.#isLetGo) this.held.value = undefined
    }
  }
}
