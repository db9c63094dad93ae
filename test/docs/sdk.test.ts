import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { ADVICE, CLIENT_CODES } from '../../src/client/errors.ts'

const page = readFileSync(fileURLToPath(new URL('../../../docs/sdk.md', import.meta.url)), 'utf8')

t.test('the tables of errors are those of the code', async (t) => {
  const reasons = [...page.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, reason, code]) => [reason, Number(code)])
  t.strictSame(Object.fromEntries(reasons), CLIENT_CODES)
  const advice = [...page.matchAll(/^\| (\d+) \| (.+) \|$/gm)].map(([, code, text]) => [code, text])
  t.strictSame(Object.fromEntries(advice), ADVICE)
})
