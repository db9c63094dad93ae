import t from 'tap'
import { parse } from '../../../bench/command.ts'
import { faultsNamed } from '../../../bench/faults.ts'

const defaults = { seconds: '600', only: undefined, alone: false }

t.test('options are read as they are given, and have their defaults where they are not', async (t) => {
  t.match(parse([], defaults), { seconds: '600', only: undefined, alone: false, help: false })
  t.match(parse(['--seconds', '5', '--alone', '--only=', '-h'], defaults), { seconds: '5', only: '', alone: true, help: true })
  t.match(parse(['--seconds', '-5'], defaults), { seconds: '-5' }, 'whoever reads it names the range')
})

t.test('what is wrong is one line', async (t) => {
  const wrong: ReadonlyArray<readonly [string[], string]> = [
    [['--seconds'], '--seconds: needs a value'],
    [['--seconds', '--alone'], '--seconds: needs a value'],
    [['--alone=5'], "Option '--alone' does not take an argument"]
  ]
  for (const [args, message] of wrong) t.throws(() => parse(args, defaults), { message })
  t.throws(() => parse(['--secnods', '5'], defaults), { message: /^[^\n]*--secnods[^\n]*$/ })
})

t.test('a fault is named by its letter, exactly, or by a part of its name', async (t) => {
  const names = (text: string): string[] => faultsNamed(text).map(({ name }) => name)
  t.equal(names('A1').length, 1)
  t.match(names('a8')[0], /^A6 A8 /)
  t.ok(names('replica is').length > 2)
  for (const text of ['', 'A19', 'nothing of the kind']) t.throws(() => faultsNamed(text), { message: /^--only: / })
})
