import { setImmediate as turn } from 'node:timers/promises'
import type { Host, Timer } from '../../src/client/host.ts'

interface Task { readonly dueMs: number, readonly order: number, readonly run: () => void }

/** Time that goes by only when a test says so; what is due at one moment runs in the order of asking. */
export class VirtualTime implements Host {
  nowMs = 0
  isOff = false
  readonly random: () => number
  readonly #tasks = new Set<Task>()
  #order = 0
  #listener: () => void = () => {}

  constructor (random: () => number) {
    this.random = random
  }

  /** How many timers there are. */
  get waiting (): number {
    return this.#tasks.size
  }

  now (): number {
    return this.nowMs
  }

  setTimeout (run: () => void, ms: number): Timer {
    const task = { dueMs: this.nowMs + Math.max(0, Math.ceil(ms)), order: this.#order++, run }
    this.#tasks.add(task)
    return task
  }

  clearTimeout (timer: Timer): void {
    this.#tasks.delete(timer as Task)
  }

  isOffline (): boolean {
    return this.isOff
  }

  onNetwork (listener: () => void): () => void {
    this.#listener = listener
    return () => { this.#listener = () => {} }
  }

  /** There is a network again, or somebody looks at the page. */
  wake (): void {
    this.#listener()
  }

  /** Lets so much time go by. */
  async run (ms: number): Promise<void> {
    const endMs = this.nowMs + ms
    await turn()
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#tasks.delete(next)
      this.nowMs = next.dueMs
      next.run()
      await turn()
    }
    this.nowMs = endMs
  }

  /** The time goes by, and nothing runs: a machine that sleeps. */
  sleep (ms: number): void {
    this.nowMs += ms
  }

  #next (endMs: number): Task | undefined {
    let first: Task | undefined
    for (const task of this.#tasks) {
      if (task.dueMs > endMs) continue
      const isSooner = first === undefined || task.dueMs < first.dueMs ||
        (task.dueMs === first.dueMs && task.order < first.order)
      if (isSooner) first = task
    }
    return first
  }
}
