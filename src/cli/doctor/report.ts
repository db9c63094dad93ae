import type { Io } from '../io.ts'
import { write } from '../io.ts'
import { columnsOf, fit, paintFor, printable, safeJson, wrap } from '../terminal.ts'
import { count } from '../words.ts'
import type { Finding, Level } from './finding.ts'

const COLOURS = { ok: 'green', warning: 'yellow', fault: 'red', skipped: 'dim' } as const satisfies Record<Level, string>
const LEVEL_COLUMNS = 9
const CHECK_COLUMNS = 17

interface Report {
  readonly group: (name: string, of: string, findings: readonly Finding[]) => Promise<void>
  readonly end: () => Promise<{ readonly faults: number, readonly warnings: number }>
}

/** For people, as it comes; for programs (`isJson`) one finding a line. */
export function createReport ({ stdout, env }: Io, isJson: boolean): Report {
  const paint = paintFor(stdout, env)
  const columns = columnsOf(stdout)
  const counts = { ok: 0, warning: 0, fault: 0, skipped: 0 }
  const lineOf = ({ check, level, message, advice }: Finding): string => {
    const indent = 2 + LEVEL_COLUMNS + CHECK_COLUMNS
    const head = `  ${paint(COLOURS[level], fit(level, LEVEL_COLUMNS))}${fit(check, CHECK_COLUMNS)}`
    const text = wrap(printable(message), columns, indent)
    const what = level === 'skipped' ? paint('dim', text) : text
    if (advice === undefined) return `${head}${what}\n`
    return `${head}${what}\n${' '.repeat(indent)}${paint('cyan', wrap(`→ ${printable(advice)}`, columns, indent + 2))}\n`
  }
  return {
    group: async (name, of, findings) => {
      for (const { level } of findings) counts[level]++
      if (isJson) {
        for (const finding of findings) await write(stdout, `${safeJson({ group: name, ...finding })}\n`)
      } else await write(stdout, `${paint('bold', name)}${of === '' ? '' : paint('dim', ` ${of}`)}\n${findings.map(lineOf).join('')}`)
    },
    end: async () => {
      const { ok, warning: warnings, fault: faults, skipped } = counts
      if (!isJson) {
        const parts = [
          paint('green', `${ok} ok`),
          warnings > 0 ? paint('yellow', count(warnings, 'warning')) : count(warnings, 'warning'),
          faults > 0 ? paint('red', count(faults, 'fault')) : count(faults, 'fault'),
          paint('dim', `${skipped} skipped`)
        ]
        await write(stdout, `\n${parts.join(', ')}\n`)
      }
      return { faults, warnings }
    }
  }
}
