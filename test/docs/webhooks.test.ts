import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { SETTINGS } from '../../src/settings.ts'
import { headersOf, messageOf } from '../../src/webhooks/message.ts'
import { EVENT_TYPES } from '../../src/webhooks/queue.ts'
import { WEBHOOK_SECRET } from '../helpers/webhook-target.ts'

const page = readFileSync(new URL('../../../docs/webhooks.md', import.meta.url), 'utf8')
const secret = Buffer.from(WEBHOOK_SECRET.slice('whsec_'.length), 'base64')

function example (language: string): string {
  return new RegExp(`\`\`\`${language}\\n([^]+?)\`\`\``).exec(page)![1]!
}

const READ_NODE = `
import { readFileSync } from 'node:fs'
const { headers, body } = JSON.parse(readFileSync(0, 'utf8'))
console.log(JSON.stringify(verified(headers, body)))
`
const READ_PYTHON = `
import sys
given = json.load(sys.stdin)
print(json.dumps(verified(given["headers"], given["body"].encode())))
`
const PROGRAMS = [
  { name: 'Node', program: process.execPath, args: ['--input-type=module', '-e', example('js') + READ_NODE] },
  { name: 'Python', program: 'python3', args: ['-c', example('python') + READ_PYTHON] }
]

const message = messageOf([
  { number: 1, id: 'a-1', timestampMs: 1_700_000_000_000, body: '"type":"member.joined","room":"chat:7","user":"ann é","count":1' },
  { number: 2, id: 'a-2', timestampMs: 1_700_000_000_001, body: '"type":"room.vacated","room":"chat:7"' }
])

for (const { name, program, args } of PROGRAMS) {
  const isThere = spawnSync(program, ['--version']).error === undefined
  t.test(`the example in ${name} takes what is ours, and nothing else`, { skip: !isThere && `no ${program}` }, async (t) => {
    const verify = (headers: Record<string, string>, body = message.body): ReturnType<typeof spawnSync> =>
      spawnSync(program, args, { env: { ...process.env, WEBHOOK_SECRET }, input: JSON.stringify({ headers, body }) })
    const good = headersOf(message, [Buffer.alloc(32), secret], Date.now())
    const { stdout, stderr } = verify(good)
    t.equal(String(stderr), '')
    t.strictSame(JSON.parse(String(stdout)), (JSON.parse(message.body) as { events: unknown }).events)
    const at = (seconds: number): Record<string, string> => headersOf(message, [secret], Date.now() + 1_000 * seconds)
    const bad = [
      ['bad signature', verify(headersOf(message, [Buffer.alloc(32)], Date.now()))],
      ['bad signature', verify(good, message.body.replace('ann', 'bob'))],
      ['bad signature', verify({ ...good, 'webhook-id': 'msg_other' })],
      ['bad signature', verify({ ...good, 'webhook-signature': '' })],
      ['too old', verify(at(-600))],
      ['too old', verify(at(600))]
    ] as const
    for (const [problem, { status, stdout, stderr }] of bad) {
      t.strictSame([status, String(stdout)], [1, ''])
      t.match(String(stderr), problem)
    }
  })
}

t.test('the payload that is shown is one that could be sent, and every type is in the table', async (t) => {
  const { events } = JSON.parse(example('json')) as { events: Array<Record<string, unknown>> }
  t.strictSame(events.map(({ type }) => type), ['room.occupied', 'member.joined', 'member.left', 'room.vacated'])
  const rows = [...page.matchAll(/^\| `([a-z]+\.[a-z]+)` \|/gm)].map(([, type]) => type)
  t.strictSame(rows.toSorted(), Object.values(EVENT_TYPES).toSorted())
})

t.test('the numbers are those of the settings', async (t) => {
  const named = [...page.matchAll(/(\d[\d,]*|a day)[^`]{0,20} \(`(WEBHOOK_\w+)`\)/g)]
  t.equal(named.length, 4)
  const units: Readonly<Record<string, number>> = { events: 1, ms: 1_000 }
  for (const [, text, name] of named) {
    const setting = SETTINGS[name as 'WEBHOOK_QUEUE']
    const value = text === 'a day' ? 86_400 : Number(text!.replaceAll(',', ''))
    t.equal(value * units[setting.unit]!, setting.default, name!)
  }
  for (const [name] of page.matchAll(/WEBHOOK_[A-Z_]*[A-Z]/g)) t.ok(name in SETTINGS, name)
})
