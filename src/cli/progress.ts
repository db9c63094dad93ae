import type { Io } from './io.ts'
import { columnsOf, fit, paintFor } from './terminal.ts'

const BAR_COLUMNS = 30

export interface Progress {
  /** @param share of 0 to 1 */
  readonly show: (what: string, share: number, more: string) => void
  /** Takes it away: what is said next begins on a clean line. */
  readonly clear: () => void
}

/** A bar on stderr, where that is a terminal; nothing where it is not. */
export function createProgress ({ stderr, env }: Io): Progress {
  if (stderr.isTTY !== true || env['TERM'] === 'dumb') return { show: () => {}, clear: () => {} }
  const paint = paintFor(stderr, env)
  return {
    show: (what, share, more) => {
      const full = Math.round(BAR_COLUMNS * Math.min(1, Math.max(0, share)))
      const head = `${what.padEnd(11)} `
      const tail = fit(` ${more}`, Math.max(0, columnsOf(stderr) - 1 - head.length - BAR_COLUMNS))
      stderr.write(`\r${head}${paint('cyan', '█'.repeat(full))}${paint('dim', '░'.repeat(BAR_COLUMNS - full))}${tail}`)
    },
    clear: () => { stderr.write('\r\u001b[2K') }
  }
}
