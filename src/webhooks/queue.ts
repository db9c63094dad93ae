/** By the letter that stands for it in `wanted`: what a target can be told. */
export const EVENT_TYPES = {
  o: 'room.occupied', v: 'room.vacated', j: 'member.joined', l: 'member.left'
} as const

/** An event that waits. */
export interface QueuedEvent {
  /** Its place: events are numbered without a hole, so that one that is missing was dropped. */
  readonly number: number
  /** The same however often it is sent, and of no other event. */
  readonly id: string
  readonly timestampMs: number
  /** The rest of its JSON text: fields without braces. */
  readonly body: string
}

/** What may be taken at once: at least one event, however large. */
export interface BatchLimits { readonly maxEvents: number, readonly maxBytes: number }

/** How the queue stands, for the one who delivers. */
export interface Taken {
  /** By the clock that the events' timestamps are of. */
  readonly nowMs: number
  /** The oldest that wait, in order: none where a retry is not due yet. */
  readonly events: readonly QueuedEvent[]
  /** All that wait, with these. */
  readonly waiting: number
  /** Of the oldest; undefined where none waits. */
  readonly oldestMs: number | undefined
  /** How many were cut off, because too many waited, since somebody last took any. */
  readonly dropped: number
  /** How often the oldest have been tried in vain. */
  readonly tries: number
  /** Until they may be tried again. */
  readonly restMs: number
}

/**
 * Events that wait to be delivered, over all replicas, in one order. They are appended in the step that makes them come
 * true (presence), and at most one replica takes them at a time, for as long as it comes again within a lease. All
 * methods reject with BrokerError.
 */
export interface EventQueue {
  /**
   * Takes, or keeps, the right to deliver, and what is to be sent next: what was taken before and neither `done` nor
   * cut off comes again, alone, whoever takes it.
   * @returns undefined where another replica delivers
   */
  take (limits: BatchLimits): Promise<Taken | undefined>
  /** Keeps the right to deliver while a batch is under way; false where it is lost. */
  keep (): Promise<boolean>
  /** All up to this one, of those that were taken last, are delivered or given up. */
  done (last: QueuedEvent): Promise<void>
  /** What was taken is to wait: whoever delivers next knows how often it failed, and until when it rests. */
  failed (tries: number, restMs: number): Promise<void>
  /** Gives the right to deliver to whoever comes next. */
  release (): Promise<void>
}
