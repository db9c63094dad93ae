import { join } from 'node:path'
import t from 'tap'
import { ConfigError } from '../../src/config-error.ts'
import { readRoomRules, type RoomRules } from '../../src/room-rules.ts'

const DEFAULTS = { maxEntries: 500, maxAgeMs: 900_000 }
const LATEST = { maxEntries: 1, maxAgeMs: 0, latestOnly: true }
const TOLD = { presence: true, presenceMergeAbove: 100, webhooks: true }
const UNTOLD = { presence: false, presenceMergeAbove: 100, webhooks: true }

type Directory = Pick<typeof t, 'testdir'>

function rulesOf (t: Directory, text: string, name = 'rooms.yaml'): RoomRules {
  return readRoomRules(join(t.testdir({ [name]: text }), name), DEFAULTS)
}

/** What is wrong with a file, without the file's name. */
function problems (t: Directory, text: string): string[] {
  try {
    rulesOf(t, text)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => problem.replace(/^ROOMS_FILE: \S+rooms.yaml: /, ''))
    throw error
  }
  return []
}

t.test('without a file the built-in rules hold', (t) => {
  const rules = readRoomRules(undefined, DEFAULTS)
  t.strictSame(rules.of('general'), { kind: 'log', publish: 'members', retention: { ...DEFAULTS, latestOnly: false }, ...TOLD })
  t.strictSame(rules.of('position'), { kind: 'latest', publish: 'members', retention: LATEST, ...UNTOLD })
  t.strictSame(rules.of('latest:x'), { kind: 'latest', publish: 'members', retention: LATEST, ...UNTOLD })
  t.equal(rules.of('live:x').kind, 'live')
  t.equal(rules.of('live').kind, 'log')
  t.equal(rules.of('$all').kind, 'log')
  t.equal(rules.of('constructor').kind, 'log')
  t.end()
})

t.test('YAML and JSON say the same', (t) => {
  const yaml = '# ours\nrooms:\n  chat:*: { kind: log, publish: anyone, entries: 50, maxAgeMs: 1000 }\n'
  const json = '{"rooms":{"chat:*":{"kind":"log","publish":"anyone","entries":50,"maxAgeMs":1000}}}'
  const expected = { kind: 'log', publish: 'anyone', retention: { maxEntries: 50, maxAgeMs: 1_000, latestOnly: false }, ...TOLD }
  t.strictSame(rulesOf(t, yaml).of('chat:1'), expected)
  t.strictSame(rulesOf(t, json, 'rooms.json').of('chat:1'), expected)
  t.end()
})

t.test('the longest match decides, wherever it stands in the file', (t) => {
  const rules = rulesOf(t, `rooms:
    a:*: { entries: 1 }
    a:b:c:*: { entries: 3 }
    a:b:*: { entries: 2 }
    "*": { entries: 9 }
  `)
  const entries = (room: string): number => rules.of(room).retention.maxEntries
  t.strictSame(['a:x', 'a:b:x', 'a:b:c:x', 'a:b:', 'a', 'x'].map(entries), [1, 2, 3, 2, 9, 9])
  t.end()
})

t.test('a name decides before any prefix', (t) => {
  const rules = rulesOf(t, 'rooms: { "chat*": { kind: live }, chat: { kind: log }, "chat:*": { kind: latest } }')
  t.strictSame(['chat', 'chats', 'chat:1'].map((room) => rules.of(room).kind), ['log', 'live', 'latest'])
  t.end()
})

t.test('a file that opens every room to anyone leaves position and $all what they are', (t) => {
  const rules = rulesOf(t, 'rooms: { "*": { kind: live, publish: anyone } }')
  t.equal(rules.of('general').kind, 'live')
  t.equal(rules.of('position').kind, 'latest')
  t.equal(rules.of('$all').kind, 'log')
  t.end()
})

t.test('a rule may keep a room from the webhook', (t) => {
  const rules = rulesOf(t, 'rooms: { "quiet:*": { webhooks: false }, "quiet:told": { webhooks: true } }')
  t.strictSame(['quiet:x', 'quiet:told', 'x'].map((room) => rules.of(room).webhooks), [false, true, true])
  t.strictSame(problems(t, 'rooms: { a: { webhooks: never } }'), ['rooms.a.webhooks must be boolean'])
  t.end()
})

t.test('a rule says only what is to be other than usual', (t) => {
  t.strictSame(rulesOf(t, 'rooms: { a: {} }').of('a'),
    { kind: 'log', publish: 'members', retention: { ...DEFAULTS, latestOnly: false }, ...TOLD })
  t.equal(rulesOf(t, 'rooms: { a: { maxAgeMs: 0 } }').of('a').retention.maxAgeMs, 0)
  t.end()
})

t.test('a rule that names no kind leaves rooms the kind that their name gives them', (t) => {
  const rules = rulesOf(t, `rooms:
    "*": { kind: live }
    "latest:car:*": { publish: anyone }
    "latest:one": { entries: 9 }
    "live:car:*": { publish: server }
    "live:one": {}
    position: { publish: server }
    "chat:*": { publish: anyone }
  `)
  t.strictSame(rules.of('latest:car:1'), { kind: 'latest', publish: 'anyone', retention: LATEST, ...UNTOLD })
  t.strictSame(rules.of('latest:one'), { kind: 'latest', publish: 'members', retention: LATEST, ...UNTOLD })
  t.match(rules.of('live:car:1'), { kind: 'live', publish: 'server' })
  t.equal(rules.of('live:one').kind, 'live')
  t.strictSame(rules.of('position'), { kind: 'latest', publish: 'server', retention: LATEST, ...UNTOLD })
  t.equal(rules.of('chat:1').kind, 'log')
  t.end()
})

t.test('a rule that names a kind decides, whatever the name', (t) => {
  const rules = rulesOf(t, 'rooms: { "latest:*": { kind: log }, "live:x": { kind: latest } }')
  t.strictSame(['latest:x', 'live:x', 'live:y'].map((room) => rules.of(room).kind), ['log', 'latest', 'live'])
  t.end()
})

t.test('a latest room keeps one value, for ever, whatever the rule says', (t) => {
  t.strictSame(rulesOf(t, 'rooms: { a: { kind: latest, entries: 9, maxAgeMs: 9 } }').of('a').retention, LATEST)
  t.end()
})

t.test('every fault of a file is named, with its pattern and field', (t) => {
  t.strictSame(problems(t, `rooms:
    a: { kind: stream }
    b: { publish: nobody, entries: 0 }
    c: { maxAgeMs: -1, presense: true }
    d: log
  `), [
    'rooms.a.kind must be equal to one of the allowed values: log, latest, live',
    'rooms.b.publish must be equal to one of the allowed values: members, anyone, server',
    'rooms.b.entries must be >= 1',
    'rooms.c must NOT have additional properties: presense',
    'rooms.c.maxAgeMs must be >= 0',
    'rooms.d must be object'
  ])
  t.end()
})

t.test('a fault of a pattern is named along with those of the rules', (t) => {
  t.strictSame(problems(t, 'rooms: { "a*b": {}, a: { kind: stream }, position: { kind: log }, b: null }'), [
    'rooms.a.kind must be equal to one of the allowed values: log, latest, live',
    'rooms.b must be object',
    "rooms.a*b is no room's name, nor a prefix that ends in *",
    'rooms.position.kind must be latest'
  ])
  t.end()
})

t.test('a pattern is named as it was written, slashes and tildes too', (t) => {
  t.strictSame(problems(t, 'rooms: { a/b: { kind: x }, a~b: { kind: x }, "a~1b": { kind: x } }'), [
    ...['a/b', 'a~b', 'a~1b'].map((name) => `rooms.${name}.kind must be equal to one of the allowed values: log, latest, live`),
    ...['a/b', 'a~b', 'a~1b'].map((name) => `rooms.${name} is no room's name, nor a prefix that ends in *`)
  ])
  t.end()
})

t.test('messages are kept for a year at most', (t) => {
  t.strictSame(problems(t, 'rooms: { a: { maxAgeMs: 31536000001 } }'), ['rooms.a.maxAgeMs must be <= 31536000000'])
  t.equal(rulesOf(t, 'rooms: { a: { maxAgeMs: 31536000000 } }').of('a').retention.maxAgeMs, 31_536_000_000)
  t.end()
})

t.test('every pattern that names no room is named', (t) => {
  t.strictSame(problems(t, 'rooms: { "a*b": {}, "{a}:*": {}, $all: {}, "-*": {}, __proto__: {}, good: {}, "*": {} }'),
    ['a*b', '{a}:*', '$all', '-*', '__proto__'].map((name) => `rooms.${name} is no room's name, nor a prefix that ends in *`))
  t.end()
})

t.test('position stays a latest room', (t) => {
  t.strictSame(problems(t, 'rooms: { position: { kind: log } }'), ['rooms.position.kind must be latest'])
  t.equal(rulesOf(t, 'rooms: { position: { kind: latest, publish: server } }').of('position').publish, 'server')
  t.end()
})

t.test('a file that holds no rules at all is refused', (t) => {
  t.strictSame(problems(t, ''), ['the file must be object'])
  t.strictSame(problems(t, '[]'), ['the file must be object'])
  t.strictSame(problems(t, '{}'), ["the file must have required property 'rooms'"])
  t.strictSame(problems(t, 'rooms: {}\nroom: {}'), ['the file must NOT have additional properties: room'])
  t.end()
})

t.test('a file that cannot be parsed is refused in one line', (t) => {
  t.match(problems(t, 'rooms: { a: {'), [/^[^\n]+ line 1, column \d+:?$/])
  t.match(problems(t, 'rooms:\n  a: {}\n  a: {}\n'), [/^Map keys must be unique/])
  t.end()
})

t.test('a file that is not there is refused by its name', (t) => {
  const file = join(t.testdir({}), 'none.yaml')
  t.throws(() => readRoomRules(file, DEFAULTS), { name: 'ConfigError', message: new RegExp(`^ROOMS_FILE: ${file}: ENOENT`) })
  t.end()
})
