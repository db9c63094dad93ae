/** As much of `process` as is asked for here. */
interface Signals { on (signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', listener: () => void): unknown }

export type EndSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP'

// What is sent to a process group (a terminal's Ctrl-C, `timeout`) reaches npm too, and npm passes it on: the same
// signal once more, so soon, is that one.
const RELAYED_MS = 250

interface EndSignalOptions {
  /** Which signals count. */
  readonly signals: readonly EndSignal[]
  /** Whether npm runs us. */
  readonly isUnderNpm: boolean
  readonly begin: (signal: EndSignal) => void
  readonly endNow: () => void
}

/** The first signal to end begins it; a second one means now. @param emitter `process` */
export function onEndSignals (emitter: Signals, { signals, isUnderNpm, begin, endNow }: EndSignalOptions): void {
  let first: { signal: EndSignal, ms: number } | undefined
  for (const signal of signals) {
    emitter.on(signal, () => {
      const ms = performance.now()
      const isRelayed = isUnderNpm && first?.signal === signal && ms - first.ms <= RELAYED_MS
      if (first === undefined) {
        first = { signal, ms }
        begin(signal)
      } else if (!isRelayed) endNow()
    })
  }
}
