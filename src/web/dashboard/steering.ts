import { signal } from '@preact/signals'
import type { Moves } from './moves.ts'

/** Drags the car. */
export class Steering {
  /** Where it is held; undefined where nobody holds it. */
  readonly held = signal<number | undefined>(undefined)
  readonly #moves: Moves
  #isLetGo = false

  constructor (moves: Moves) {
    this.#moves = moves
  }

  take (position: number): void {
    this.#isLetGo = false
    this.held.value = position
  }

  to (position: number): void {
    const before = this.held.peek()
    if (before === undefined) return
    const target = this.held.value = Math.round(position)
    if (target !== before) this.#moves.add(target - before)
  }

  /** It stays where it is held until the gateway has it. */
  letGo (): void {
    this.#isLetGo = true
    if (!this.#moves.isUnderway) this.held.value = undefined
  }

  /** No move is under way any more. One that failed ends the drag. */
  settled (isMoved: boolean): void {
    if (this.#isLetGo || !isMoved) this.held.value = undefined
  }
}
