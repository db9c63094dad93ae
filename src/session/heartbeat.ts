import type { Clock } from './rate-limit.ts'

/** As much of a connection as the heartbeat asks for. */
export interface Patient {
  /** When anything at all last came from the client. */
  readonly heardMs: number
  ping (): void
  /** Nothing came for two and a half intervals. */
  onSilence (): void
}

const SILENT_INTERVALS = 2.5

/**
 * Pings every connection once an interval, and gives up those from which nothing comes. One timer for all:
 * silence is noticed within half an interval.
 */
export class Heartbeat {
  readonly #intervalMs: number
  readonly #now: Clock
  readonly #patients = new Set<Patient>()
  #timer: NodeJS.Timeout | undefined
  #checkedMs = 0
  #isPingTurn = false

  /** @param intervalMs 0 for none */
  constructor (intervalMs: number, now: Clock) {
    this.#intervalMs = intervalMs
    this.#now = now
  }

  start (): void {
    if (this.#intervalMs === 0) return
    this.#checkedMs = this.#now()
    this.#timer = setInterval(() => this.check(), this.#intervalMs / 2)
  }

  stop (): void {
    clearInterval(this.#timer)
  }

  add (patient: Patient): void {
    this.#patients.add(patient)
  }

  remove (patient: Patient): void {
    this.#patients.delete(patient)
  }

  /** Half an interval has passed. */
  check (): void {
    const nowMs = this.#now()
    // Where this process stood still, so did its ears: what clients sent meanwhile is still to be read.
    const stoodStill = nowMs - this.#checkedMs > this.#intervalMs
    this.#checkedMs = nowMs
    this.#isPingTurn = !this.#isPingTurn
    for (const patient of this.#patients) {
      if (!stoodStill && nowMs - patient.heardMs > this.#intervalMs * SILENT_INTERVALS) patient.onSilence()
      else if (this.#isPingTurn) patient.ping()
    }
  }
}
