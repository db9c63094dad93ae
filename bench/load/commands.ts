import type { ProtocolName } from './protocols.ts'

/** What a generator can be asked, and what it answers; one at a time. */
export interface Commands {
  /** Opens connections, each into its room, in turns. */
  connect: {
    ask: {
      readonly port: number
      readonly protocol: ProtocolName
      readonly rooms: readonly string[]
      readonly count: number
      /** So many at a time. */
      readonly concurrency: number
      /** Whether the latency of what they hear counts; true where it is not given. */
      readonly isSampled?: boolean
    }
    answer: { readonly tookMs: number, readonly cpuUs: number }
  }
  /** Publishes for a while, and waits until all is delivered, or nothing more comes. */
  publish: { ask: Load, answer: Window }
  /** So many members of the last `connect` stop reading. */
  stall: { ask: { readonly count: number }, answer: null }
  /** They read again, until nothing more comes. */
  resume: { ask: null, answer: readonly Resumed[] }
  /** Nothing has come for so long. */
  quiet: { ask: { readonly forMs: number }, answer: null }
  /** Closes everything. */
  close: { ask: null, answer: null }
}

export interface Load {
  /** Open loop, so many messages a second; or closed loop, so many in flight. */
  readonly pace: { readonly ratePerSecond: number } | { readonly inFlight: number }
  readonly durationMs: number
  readonly contentBytes: number
  /** So many connections publish in turns, evenly over all; every one of them where it is not given. */
  readonly publishers?: number
  /** The latency of one in so many messages is taken. */
  readonly sampleEvery: number
  /** It sleeps a millisecond between its turns: for a load in the background. */
  readonly isDrowsy?: boolean
  /** Nothing more is waited for when nothing has come for so long. */
  readonly patienceMs?: number
}

export interface Window {
  readonly sent: number
  /** Deliveries that the messages called for, to members that read. */
  readonly expected: number
  readonly received: number
  /** From the first to the end of publishing. */
  readonly tookMs: number
  /** From there until all was there. */
  readonly lateMs: number
  readonly p50Us: number
  readonly p99Us: number
  readonly samples: number
  /** The generator's own CPU; it spins, so that is as much as it gets. */
  readonly cpuUs: number
  /** Turns of its loop in which there was something to do. */
  readonly busyMs: number
  /** Errors and gaps that were told, and connections lost. */
  readonly errors: number
  readonly gaps: number
  readonly lost: number
  /** The first of the errors. */
  readonly complaint: string
}

export interface Resumed {
  readonly messages: number
  readonly missing: number
  readonly gaps: number
  readonly isOpen: boolean
}

export type CommandName = keyof Commands
