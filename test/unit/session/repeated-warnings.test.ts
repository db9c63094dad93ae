import t from 'tap'
import { eventually } from '../../../cluster/until.ts'
import { RepeatedWarnings } from '../../../src/session/repeated-warnings.ts'

function start (quietMs: number): { warnings: RepeatedWarnings, lines: object[] } {
  const lines: object[] = []
  const warnings = new RepeatedWarnings({ warn: (fields, message) => { lines.push({ ...fields, message }) } }, quietMs)
  return { warnings, lines }
}

t.test('the first is told at once, the others together when it has been quiet, though no more come', async (t) => {
  const { warnings, lines } = start(100)
  for (let n = 0; n < 5; n++) warnings.warn('refused', 'full')
  warnings.warn('refused', 'short')
  const first = [{ problem: 'full', times: 1, message: 'refused' }, { problem: 'short', times: 1, message: 'refused' }]
  t.strictSame(lines, first)
  await eventually('the others', async () => lines.length > 2)
  t.strictSame(lines.splice(0), [...first, { problem: 'full', times: 4, message: 'refused' }])
  await eventually('that it is new again', async () => {
    warnings.warn('refused', 'short')
    return lines.length > 0
  })
  t.strictSame(lines[0], { problem: 'short', times: 1, message: 'refused' })
})

t.test('of problems without number a hundred are told of, and the rest as one', (t) => {
  const { warnings, lines } = start(60_000)
  for (let n = 0; n < 10_000; n++) warnings.warn('failed', `problem ${n}`)
  t.equal(lines.length, 101)
  t.match(lines.at(-1), { problem: 'others' })
  t.end()
})
