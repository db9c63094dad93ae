import type { GapReason } from '../protocol/entry.ts'
import type { Turnaround } from './turnaround.ts'

/** What rooms have told their members: plain numbers, because every delivery adds to them; read when somebody asks. */
export class DeliveryCounts {
  /** Each once, however many members it has. */
  messages = 0
  /** One for each message and member. */
  deliveries = 0
  /** Members that wait for their sockets now, */
  behind = 0
  /** and how often one began to. */
  fellBehind = 0
  readonly gaps: Record<GapReason, number> = { epoch: 0, fork: 0, ahead: 0, trimmed: 0, limit: 0, slow: 0 }
  readonly turnaround: Turnaround

  constructor (turnaround: Turnaround) {
    this.turnaround = turnaround
  }
}
