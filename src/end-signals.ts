/** As much of `process` as is asked for here. */
interface Signals { on (signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', listener: () => void): unknown }

export type EndSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP'

// A terminal's Ctrl-C reaches npm and this process, and npm passes it on: a second one so soon is the same.
const SAME_CTRL_C_MS = 250

/**
 * The first signal to end begins it; a second one means now.
 * @param emitter `process`
 * @param signals which of them count
 */
export function onEndSignals (
  emitter: Signals, signals: readonly EndSignal[], begin: (signal: EndSignal) => void, endNow: () => void
): void {
  let firstMs: number | undefined
  for (const signal of signals) {
    emitter.on(signal, () => {
      const nowMs = performance.now()
      if (firstMs === undefined) {
        firstMs = nowMs
        begin(signal)
      } else if (signal === 'SIGTERM' || nowMs - firstMs > SAME_CTRL_C_MS) endNow()
    })
  }
}
