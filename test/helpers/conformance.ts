import type { Test } from 'tap'
import { sectionsFor } from '../../conformance/cases/all.ts'
import { describe } from '../../conformance/report.ts'
import { runCases } from '../../conformance/run.ts'
import type { Target } from '../../conformance/targets.ts'

/** Runs the whole table against a server: one assertion a section, and the count of all cases. */
export async function conforms (t: Test, target: Target): Promise<void> {
  const sections = sectionsFor(target)
  const verdicts = await runCases(sections.flatMap(({ cases }) => cases), target)
  for (const { id, title, cases } of sections) {
    const failed = verdicts.filter(({ case: each, fault }) => fault !== undefined && cases.includes(each))
    t.strictSame(failed.map(describe), [], `${id} ${title}: ${cases.length} cases`)
  }
  t.comment(`${verdicts.length} cases, ${verdicts.filter(({ fault }) => fault === undefined).length} passed`)
}
