import t from 'tap'
import { UnavailableLog } from '../../../src/http/unavailable-log.ts'

t.test('the first that is refused is told at once, the others after 10 s, each problem by itself', (t) => {
  let nowMs = 0
  const lines: object[] = []
  const log = new UnavailableLog({ warn: (fields) => { lines.push(fields) } }, () => nowMs)
  log.note('full')
  t.strictSame(lines.splice(0), [{ problem: 'full', refused: 1 }])
  for (nowMs = 1_000; nowMs < 10_000; nowMs += 1_000) log.note('full')
  t.strictSame(lines.splice(0), [])
  log.note('short')
  log.note('full')
  t.strictSame(lines, [{ problem: 'short', refused: 1 }, { problem: 'full', refused: 10 }])
  t.end()
})
