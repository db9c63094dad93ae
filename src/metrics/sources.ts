/** What is read when Prometheus asks: plain numbers that the other folders count, as far as they are told. */
export interface Sources {
  readonly sessions: { readonly size: number }
  readonly counts: {
    readonly opened: number
    readonly streams: number
    readonly closes: ByName
    readonly refusals: ByName
    readonly upgradesRefused: ByName
    readonly hungUp: ByName
    readonly overHttpRate: number
    readonly publishes: Readonly<Record<string, LatencySource>>
  }
  readonly hub: {
    readonly size: number
    readonly members: number
    readonly ringBytes: number
    readonly counts: {
      readonly messages: number
      readonly deliveries: number
      readonly behind: number
      readonly fellBehind: number
      readonly gaps: ByName
      readonly turnaround: { readonly latency: LatencySource }
    }
  }
  /** Users of rooms that this replica holds. */
  readonly presence: { readonly size: number }
  /** Who waits to be told of the past. */
  readonly pastPace: { readonly size: number }
  readonly writes: {
    readonly writes: number
    readonly frames: number
    readonly bytes: number
    /** Set back to 0 in here, now and then. */
    highWaterBytes: number
  }
  readonly sync: { readonly repairs: number }
  readonly loopDelay: { readonly meanMs: number }
  readonly heap: { readonly share: number }
  readonly isReady: () => boolean
  /** Undefined where there are none. */
  readonly hooks?: HookSource | undefined
  /** Undefined with the embedded broker. */
  readonly redis: RedisSource | undefined
  /** Undefined where there is no webhook. */
  readonly webhooks: WebhookSource | undefined
  /** Undefined where no files are shared. */
  readonly files: FilesSource | undefined
}

export interface FilesSource {
  readonly store: { readonly heldBytes: number | undefined }
  readonly counts: {
    readonly stored: number
    readonly storedBytes: number
    readonly served: number
    readonly refusals: ByName
  }
}

export interface WebhookSource {
  readonly sent: number
  readonly dropped: number
  readonly waiting: number
  readonly oldestMs: number
  readonly attempts: ByName
}

export interface HookSource {
  readonly counts: {
    readonly underWay: number
    readonly failures: ByName
    readonly durations: Readonly<Record<string, LatencySource>>
  }
}

export interface RedisSource {
  readonly connections: {
    isUp (connection: 'commands' | 'subscriber'): boolean
    readonly connects: ByName
  }
  readonly broker: { readonly probeAgeMs: number, readonly signalCounts: BatchCounts }
  readonly log: { readonly appendCounts: BatchCounts }
}

export type ByName = Readonly<Record<string, number>>

export interface LatencySource {
  /** Upper bounds; over the last one is one bucket more. */
  readonly boundsMs: readonly number[]
  readonly counts: ArrayLike<number>
  readonly sumMs: number
}

interface BatchCounts { readonly asks: number, readonly commands: number }
