import t from 'tap'
import { RefusalLog } from '../../../src/http/refusal-log.ts'

t.test('the first that is refused is told at once, the others after 10 s, each problem by itself', (t) => {
  let nowMs = 0
  const lines: object[] = []
  const log = new RefusalLog({ warn: (fields) => { lines.push(fields) } }, () => nowMs)
  log.note('full')
  t.strictSame(lines.splice(0), [{ problem: 'full', refused: 1, address: undefined }])
  for (nowMs = 1_000; nowMs < 10_000; nowMs += 1_000) log.note('full')
  t.strictSame(lines.splice(0), [])
  log.note('short')
  log.note('full', '10.0.0.1')
  t.strictSame(lines, [{ problem: 'short', refused: 1, address: undefined }, { problem: 'full', refused: 10, address: '10.0.0.1' }])
  t.end()
})
