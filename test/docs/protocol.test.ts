import { readFileSync } from 'node:fs'
import t from 'tap'
import { CLOSES, ERRORS } from '../../src/protocol/codes.ts'

const page = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8')

/** The rows of the table under a heading, as their cells. */
function rows (heading: string): string[][] {
  const section = page.slice(page.indexOf(`\n## ${heading}\n`)).slice(4).split('\n## ')[0]!
  return section.split('\n').filter((line) => /^\| (\d|`)/.test(line))
    .map((line) => line.slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim()))
}

t.test('every error that the gateway knows is documented, with its code, and the other way round', async (t) => {
  const documented = new Map(rows('Errors').flatMap(([code, reasons]) =>
    [...reasons!.matchAll(/`([a-z_]+)`(?= ?[,(·]|$)/g)].map(([, reason]) => [reason!, Number(code)] as const)))
  for (const [reason, { code }] of Object.entries(ERRORS)) t.equal(documented.get(reason), code, reason)
  for (const reason of documented.keys()) t.ok(reason in ERRORS, reason)
})

t.test('every close that the gateway makes is documented', async (t) => {
  const section = page.slice(page.indexOf('\n## Closing\n'), page.indexOf('\n## Heartbeat\n'))
  for (const { code } of Object.values(CLOSES)) t.match(section, new RegExp(`\\b${code}\\b`), String(code))
})
