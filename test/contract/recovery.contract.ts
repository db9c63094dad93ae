import type { Test } from 'tap'
import { bounds } from './recovery-bounds.ts'
import type { StartPlace } from './recovery-clause.ts'
import { cursors } from './recovery-cursors.ts'
import { kinds } from './recovery-kinds.ts'

/** Runs the contract of recovery against one way to run a gateway; each clause in a place of its own. */
export function recovers (test: Test, start: StartPlace): void {
  for (const { name, settings = {}, check } of [...cursors, ...bounds, ...kinds]) {
    test.test(name, async (t) => { await check(t, await start(t, settings)) })
  }
}
