import type { Section } from './case.ts'
import type { Verdict } from './run.ts'

/** What came of all cases, as a table of sections, with every failure in words. */
export function report (sections: readonly Section[], verdicts: readonly Verdict[]): string {
  const faults = new Map(verdicts.map(({ case: { id }, fault }) => [id, fault]))
  const rows = sections.map(({ id, title, cases }) => {
    const failed = cases.filter((each) => faults.get(each.id) !== undefined).length
    return [id, title, String(cases.length - failed), failed === 0 ? '' : String(failed)]
  })
  const failures = verdicts.filter(({ fault }) => fault !== undefined)
  const passed = verdicts.length - failures.length
  const all = ['', 'all', String(passed), failures.length === 0 ? '' : String(failures.length)]
  const table = [['', 'section', 'passed', 'failed'], ...rows, all]
  return [
    ...table.map(([id = '', title = '', passed = '', failed = '']) =>
      `  ${id.padEnd(3)} ${title.padEnd(38)} ${passed.padStart(6)} ${failed.padStart(7)}`.trimEnd()),
    ...(failures.length === 0 ? [] : ['', ...failures.map(describe)])
  ].join('\n')
}

/** One line for a case that passed, more for one that did not. */
export function describe ({ case: { id, what }, fault }: Verdict): string {
  if (fault === undefined) return `ok      ${id} ${what}`
  return `NOT OK  ${id} ${what}\n        ${fault.replace('; came', ';\n        came')}`
}
