import { isMet, type Result, short, type Table, type Verdict } from './result.ts'

/** A scenario's result as Markdown, which reads well on a terminal too. */
export function toMarkdown (result: Result): string {
  const { id, title, setup, tables, verdicts, notes } = result
  const bars = verdicts.length === 0 ? [] : [tableText({ title: '', columns: ['asked', 'measured', ''], rows: verdicts.map(verdictRow) })]
  return [
    `## (${id}) ${title}`,
    setup,
    ...tables.map(tableText),
    ...bars,
    ...notes.length === 0 ? [] : [notes.map((note) => `- ${note}`).join('\n')]
  ].join('\n\n')
}

function tableText ({ title, columns, rows }: Table): string {
  const widths = columns.map((column, index) => Math.max(column.length, 3, ...rows.map((row) => row[index]!.length)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, index) => index === 0 ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!)).join(' | ')} |`
  const rule = `| ${widths.map((width, index) => index === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`).join(' | ')} |`
  return [...title === '' ? [] : [`${title}\n`], line(columns), rule, ...rows.map(line)].join('\n')
}

function verdictRow (verdict: Verdict): string[] {
  const { what, value, bar, unit = '' } = verdict
  const asked = 'atMost' in bar ? `at most ${short(bar.atMost)}` : `at least ${short(bar.atLeast)}`
  const state = Number.isFinite(value) ? isMet(verdict) ? 'met' : 'NOT MET' : 'not measured'
  return [`${what}: ${asked}${unit}`, Number.isFinite(value) ? `${short(value)}${unit}` : '-', state]
}
