import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { DEFAULTS, readOptions } from '../../../bench/bench-options.ts'

const SCENARIOS = ['a', 'b']

t.test('all scenarios five times; twice where it is to be quick', async (t) => {
  t.strictSame(readOptions(DEFAULTS, SCENARIOS), {
    only: ['a', 'b'], rounds: 5, isQuick: false, out: undefined, earlier: undefined, write: false
  })
  const out = join(tmpdir(), 'bench.json')
  t.match(readOptions({ ...DEFAULTS, only: 'b, a', quick: true, out }, SCENARIOS), { only: ['b', 'a'], rounds: 2, out })
})

t.test('what is wrong is known before anything is measured', async (t) => {
  const wrong = [
    [{ only: 'a,z' }, '--only: must be of a, b, not "z"'],
    [{ only: '' }, '--only: must be of a, b, not ""'],
    [{ rounds: '0' }, '--rounds: must be an integer of 1 to 100, not "0"'],
    [{ with: '/no/such/file.json' }, '--with: there is no file /no/such/file.json'],
    [{ out: '/no/such/folder/bench.json' }, '--out: there is no folder /no/such/folder']
  ] as const
  for (const [given, message] of wrong) t.throws(() => readOptions({ ...DEFAULTS, ...given }, SCENARIOS), { message })
})
