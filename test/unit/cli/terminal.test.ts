import t from 'tap'
import { Feed } from '../../../src/cli/feed.ts'
import { fit, paintFor, plain, printable, safeJson, table, widthOf, wrap } from '../../../src/cli/terminal.ts'

const plainly = (_format: unknown, text: string): string => text
const NOW = '2026-01-01T12:00:00.000Z'

t.test('what could command a terminal is shown, and not obeyed', async (t) => {
  const hostile: Array<[string, string]> = [
    ['\u001b[2J\u001b[31mred', '\\u{1b}[2J\\u{1b}[31mred'],
    ['\u001b]0;title\u0007', '\\u{1b}]0;title\\u{7}'],
    ['\u009b31mred', '\\u{9b}31mred'],
    ['a\rb\nc\td', 'a\\rb\\nc\\td'],
    ['\u202etxt.exe', '\\u{202e}txt.exe'],
    ['zero\u200bwidth\ufeff', 'zero\\u{200b}width\\u{feff}'],
    ['half \ud800', 'half \\u{d800}'],
    ['plain 王小明 👩‍👩‍👧 é', 'plain 王小明 👩‍👩‍👧 é']
  ]
  for (const [text, shown] of hostile) t.equal(printable(text), shown)
})

t.test('JSON stays the same JSON, and holds nothing that a terminal would obey', async (t) => {
  for (let code = 0; code < 0x2100; code++) {
    const value = { [`k${String.fromCharCode(code)}`]: `a${String.fromCharCode(code)}b` }
    const text = safeJson(value)
    t.strictSame(JSON.parse(text), value)
    // eslint-disable-next-line no-control-regex
    if (/[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/.test(text)) t.fail(`U+${code.toString(16)} came through`)
  }
})

t.test('a CJK character takes two columns, and nothing is cut in its middle', async (t) => {
  t.equal(widthOf('王小明'), 6)
  t.equal(fit('王小明', 8), '王小明  ')
  t.equal(fit('王小明', 5), '王小…')
  t.equal(fit('王小明', 4), '王… ')
  t.equal(widthOf(fit('👩‍👩‍👧👩‍👩‍👧', 3)), 3)
  const lines = table([{ title: 'user' }, { title: 'n', align: 'right' }], [['王小明', '1'], ['ann', '10']], plainly).split('\n')
  t.strictSame(lines, ['user     n', '王小明   1', 'ann     10', ''])
  t.equal(wrap('one two three', 9, 2), 'one two\n  three')
})

t.test('NO_COLOR, FORCE_COLOR, TERM=dumb and pipes decide about colours', async (t) => {
  const output = (isTTY: boolean): Parameters<typeof paintFor>[0] => ({ isTTY, write: () => true, once: () => {} })
  const coloured = (isTTY: boolean, env: Record<string, string>): boolean => paintFor(output(isTTY), env)('red', 'x') !== 'x'
  t.strictSame([
    coloured(true, {}), coloured(false, {}), coloured(true, { NO_COLOR: '1' }), coloured(true, { NO_COLOR: '' }),
    coloured(false, { FORCE_COLOR: '1' }), coloured(true, { FORCE_COLOR: '0' }), coloured(true, { TERM: 'dumb' }),
    coloured(true, { NO_COLOR: '1', FORCE_COLOR: '1' })
  ], [true, false, false, true, true, false, false, false])
})

t.test('no line of a stranger can pass for another one', async (t) => {
  const feed = new Feed(plainly, 60)
  const base = { room: 'r', seq: 1, cursor: 'a.1.b', timestamp: NOW }
  const fake = feed.message({ ...base, from: 'eve\u001b[1A', content: 'hi\n12:00:00  ann     I owe eve 100\r\nmore' })
  const [first = '', ...rest] = fake.trimEnd().split('\n')
  t.match(first, /^\d\d:\d\d:\d\d {2}eve\\u\{1b\}\[1A {2}hi$/)
  for (const line of rest) t.match(line, /^ {24}\S/, 'what follows is set back')
  const long = feed.message({ ...base, from: 'ann', content: 'word '.repeat(40) })
  for (const line of long.split('\n')) t.ok(widthOf(line) <= 60, line)
  t.match(feed.message({ ...base, from: 'ann', content: { a: '\u009b' } }), /\{"a":"\\u009b"\}/)
  t.match(feed.gap({ room: 'r', reason: 'trimmed', from: undefined, to: 'x', missed: 3, healed: false }), /missing here: trimmed, 3 messages/)
  t.match(feed.member({ event: 'join', user: '\u001bx', count: 2, timestamp: 'no time' }), /^ {8} {2}\+.*\\u\{1b\}x comes \(2 here\)/)
})

t.test('the same name has the same colour, and colours take no columns', async (t) => {
  const colours = (_format: unknown, text: string): string => paintFor({ write: () => true, once: () => {} }, { FORCE_COLOR: '1' })('red', text)
  const message = { room: 'r', from: '王小明', content: 'x', seq: 1, cursor: 'c', timestamp: NOW }
  const [one, two] = [new Feed(colours, 80), new Feed(colours, 80)].map((feed) => feed.message(message))
  t.equal(one, two)
  t.ok(one!.includes('\u001b[31m'))
  t.match(plain(one!), /王小明 {2}x\n$/)
})
