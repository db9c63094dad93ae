import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { SETTINGS } from '../../src/settings.ts'
import { readRoomRules } from '../../src/room-rules.ts'

const root = new URL('../../../', import.meta.url)

function shown (value: string | number | undefined): string {
  if (value === undefined) return 'unset'
  if (value === Number.MAX_SAFE_INTEGER) return '2^53 − 1'
  if (value === -Number.MAX_SAFE_INTEGER) return '−(2^53 − 1)'
  return value === '' ? 'empty' : String(value)
}

t.test('docs/configuration.md has a row for every setting, as the table in settings.ts says it', async (t) => {
  const page = readFileSync(new URL('docs/configuration.md', root), 'utf8')
  const written = page.split('\n').filter((line) => line.startsWith('| `'))
  const expected = Object.entries(SETTINGS).map(([name, setting]) =>
    `| \`${name}\` | ${shown('default' in setting ? setting.default : undefined)} | ${setting.unit} | ${setting.description} |`)
  t.strictSame(written, expected)
})

t.test('the example of room rules can be used, and is the one in docs/rooms.md', async (t) => {
  const rules = readRoomRules(fileURLToPath(new URL('deploy/rooms.yaml', root)), { maxEntries: 1, maxAgeMs: 1 })
  t.match(rules.of('chat:7'), { kind: 'log', retention: { maxEntries: 1_000, maxAgeMs: 3_600_000 } })
  t.match(rules.of('news'), { publish: 'server' })
  const bare = (yaml: string): string[] => yaml.split('\n').map((line) => line.replace(/\s*#.*/, '').trim()).filter(Boolean)
  const example = /```yaml\n([^`]+)```/.exec(readFileSync(new URL('docs/rooms.md', root), 'utf8'))![1]!
  t.strictSame(bare(example), bare(readFileSync(new URL('deploy/rooms.yaml', root), 'utf8')))
})
