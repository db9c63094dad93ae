import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'

const CLUSTER = new URL('../../../cluster/', import.meta.url)

t.test('cluster/ imports Node, ws, itself, and of src/ no more than settings, signals and tokens: never the tests', async (t) => {
  const files = readdirSync(CLUSTER)
  t.ok(files.length > 5)
  for (const file of files) {
    const source = readFileSync(new URL(file, CLUSTER), 'utf8')
    const imports = source.matchAll(/^import [^']*'([^']+)'|from '([^']+)'$/gm)
    const targets = [...imports].map(([, bare, from]) => (bare ?? from)!)
    const allowed = /^(node:|ws$|\.\/|\.\.\/src\/(settings|end-signals|auth\/sign|auth\/grants)\.ts$)/
    t.strictSame(targets.filter((target) => !allowed.test(target)), [], file)
  }
})
