import type { Log, Snapshot } from './log.ts'

/** Lets so many through at once, the others in their order; session/gate.ts is one. */
interface Turnstile {
  /** Undefined where it may go on at once. */
  enter (): Promise<void> | undefined
  leave (): void
}

/**
 * A log of which so many pages are read at once. Each may be a megabyte, and what is published goes to Redis by the
 * same connection: behind all that a crowd asks of the past it would be answered too late.
 */
export function boundReads (log: Log, turnstile: Turnstile): Log {
  const inTurn = async <Result>(read: () => Promise<Result>): Promise<Result> => {
    const turn = turnstile.enter()
    if (turn !== undefined) await turn
    try {
      return await read()
    } finally {
      turnstile.leave()
    }
  }
  return {
    append: (room, draft) => log.append(room, draft),
    open: (room, newest, maxBytes) => {
      const open = (): Promise<Snapshot> => log.open(room, newest, maxBytes)
      // Without any entry it is no page.
      return newest === 0 ? open() : inTurn(open)
    },
    tops: (rooms) => log.tops(rooms),
    after: (room, place) => inTurn(() => log.after(room, place)),
    before: (room, seq, limit, maxBytes) => inTurn(() => log.before(room, seq, limit, maxBytes)),
    stop: () => log.stop()
  }
}
