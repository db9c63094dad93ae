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
    const allowed = /^(node:|ws$|\.\/|\.\.\/src\/(settings|end-signals|auth\/sign|auth\/grants|auth\/info)\.ts$)/
    t.strictSame(targets.filter((target) => !allowed.test(target)), [], file)
  }
})

t.test('conformance/ imports Node, itself, and of cluster/ no more than how to wait: never src/', async (t) => {
  const folder = new URL('../../../conformance/', import.meta.url)
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  t.ok(files.length > 15)
  for (const file of files) {
    const targets = [...readFileSync(new URL(file, folder), 'utf8').matchAll(/from '([^']+)'$/gm)].map(([, from]) => from!)
    const isAllowed = (target: string): boolean =>
      /^(node:|\.)/.test(target) && (target.endsWith('/cluster/until.ts') || !/(src|test|bench|cluster)\//.test(target))
    t.strictSame(targets.filter((target) => !isAllowed(target)), [], file)
  }
})
