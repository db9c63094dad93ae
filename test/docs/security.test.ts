import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'

const ROOT = new URL('../../../', import.meta.url)
const page = readFileSync(new URL('SECURITY.md', ROOT), 'utf8')
const rows = page.split('\n').filter((line) => /^\| [A-Z]\d/.test(line)).map((line) => line.slice(2, -2).split(' | '))
/** A test's file in back quotes, and a title in quotes where it is one test of it. */
const named = rows.flatMap(([, , tests]) => [...tests!.matchAll(/`(test\/[^`]+)`(?: "([^"]+)")?/g)]
  .map(([, file, title]) => ({ file: file!, title })))

t.test('every threat says what is done, and names a test that strikes with it', async (t) => {
  t.ok(rows.length > 40, 'the table was found')
  for (const row of rows) {
    t.equal(row.length, 3, row[0]!)
    t.match(row[2], /`test\/[^`]+\.test\.ts`/, row[0]!)
  }
})

t.test('every test that is named exists', async (t) => {
  for (const file of new Set([...page.matchAll(/\btest\/[\w/.-]+\.test\.ts/g)].map(([name]) => name))) {
    t.ok(existsSync(new URL(file, ROOT)), file)
  }
})

t.test('and has the title that is quoted', async (t) => {
  for (const { file, title } of named) {
    if (title === undefined) continue
    const source = readFileSync(new URL(file, ROOT), 'utf8').replaceAll("\\'", "'")
    t.ok(source.includes(`('${title}'`) || source.includes(`("${title}"`), `${file}: ${title}`)
  }
})

t.test('every attack of the list is in the table, or among what is not covered', async (t) => {
  const letters = (letter: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${letter}${n + 1}`)
  const covered = new Set(rows.flatMap(([threat]) => threat!.match(/^(?:[A-Z]\d+ )+/)![0].trim().split(' ')))
  const open = page.slice(page.indexOf('## What is not covered'))
  for (const attack of [...letters('D', 20), ...letters('F', 16), ...letters('E', 13)]) {
    t.ok(covered.has(attack) || open.includes(`**${attack},`), attack)
  }
})
