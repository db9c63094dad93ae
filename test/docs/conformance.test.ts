import { readFileSync } from 'node:fs'
import t from 'tap'
import { sectionsFor } from '../../conformance/cases/all.ts'
import { gateway } from '../../conformance/targets.ts'

const page = readFileSync(new URL('../../../docs/conformance.md', import.meta.url), 'utf8')

t.test('docs/conformance.md has a row for every section, with the count of its cases', async (t) => {
  const target = gateway({ url: new URL('ws://localhost/ws'), headers: {} }, { maxMessageBytes: 65_536, maxFragments: 64 })
  const expected = sectionsFor(target).map(({ id, title, cases }) =>
    `| ${id} | ${title.replace(' (ours)', '')} | ${cases.length} | ${title.includes('(ours)') ? 'ours' : 'Autobahn'} |`)
  const written = page.split('\n').filter((line) => /^\| [0-9A-Z]+ \|/.test(line))
  t.strictSame(written, expected)
})
