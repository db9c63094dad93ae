import t from 'tap'
import type { StreamEvent } from '../../../src/http/event-frames.ts'
import { EventId, MAX_STREAM_ROOMS, parseEventId } from '../../../src/http/event-id.ts'

const LONGEST_CURSOR = `${'e'.repeat(32)}.9007199254740991.${'i'.repeat(32)}`

function event (kind: StreamEvent['kind'], room?: string, cursor?: string, replay = 0): StreamEvent {
  return { kind, room, cursor, replay, data: Buffer.from('') }
}

/** The id after these events, from these places on. */
function after (places: Readonly<Record<string, string>>, ...events: StreamEvent[]): string {
  const id = new EventId(new Map(Object.entries(places)))
  for (const each of events) id.pass(each)
  return id.text
}

t.test('an id names the newest place of every room, and reads back as it was', async (t) => {
  const places = Object.fromEntries(Array.from({ length: MAX_STREAM_ROOMS }, (_, n) =>
    [`${n}`.padEnd(128, '@:=.-_'), LONGEST_CURSOR] as const).concat([['$all', 'm1x.3.h7Qa']]))
  const text = after(places)
  t.strictSame(parseEventId(text), new Map(Object.entries(places)))
  t.ok(text.length < 4_096, `${text.length} bytes: what servers and proxies take in a header`)
  t.match(text, /^[!-~]+$/, 'of what may stand in one')
})

t.test('__proto__ is a room like any other', async (t) => {
  t.equal(parseEventId('__proto__/a.1.b'), undefined, 'though its name is none')
  t.strictSame(parseEventId('constructor/a.1.b'), new Map([['constructor', 'a.1.b']]))
})

t.test('what is no id of ours is none', async (t) => {
  const bad = [
    'x', '/', 'a/', '/a.1.b', 'a/1', 'a/a.1', 'a/a.01.b', 'a/a.-1.b', 'a/a.9007199254740992.b', 'a/a.1.b,', ',a/a.1.b',
    'a/a.1.b,,b/a.1.b', 'a/a.1.b,a/a.2.c', 'a/a.1.b b/a.1.b', '$control/a.1.b', '$/a.1.b', 'a b/a.1.b', 'ä/a.1.b',
    `${'r'.repeat(129)}/a.1.b`, `a/${'e'.repeat(33)}.1.b`, 'a/a.1.b\nid: x', 'a/a.1.b\u0000', 'stop,', '[]', '{"a":"a.1.b"}',
    Array.from({ length: MAX_STREAM_ROOMS + 2 }, (_, n) => `r${n}/a.1.b`).join(','), ','.repeat(10_000), 'a/a.1.b/b.1.c'
  ]
  for (const text of bad) t.equal(parseEventId(text), undefined, text.slice(0, 40))
})

t.test('messages, gaps and joins without a past move a room; what says of no place does not', async (t) => {
  t.equal(after({}, event('welcome', '$all', 'e.3.m')), '$all/e.3.m')
  t.equal(after({ a: 'e.1.x', b: 'f.1.y' }, event('message', 'a', 'e.2.z')), 'a/e.2.z,b/f.1.y')
  t.equal(after({}, event('joined', 'a', 'e.7.x')), 'a/e.7.x')
  t.equal(after({ a: 'e.1.x' }, event('gap', 'a', 'f.9.x')), 'a/f.9.x')
  t.equal(after({ a: 'e.1.x' }, event('other'), event('goodbye'), event('error')), 'a/e.1.x')
  t.equal(after({}, event('joined', 'live:a')), '', 'a live room has no place')
  t.equal(after({}, event('gap', 'live:a')), '')
})

t.test('what joined announces has not come yet: who breaks off there gets it again', async (t) => {
  const joined = event('joined', 'a', 'e.5.x', 2)
  t.equal(after({ a: 'e.3.v' }, joined), 'a/e.3.v')
  t.equal(after({ a: 'e.3.v' }, joined, event('message', 'a', 'e.4.w')), 'a/e.4.w')
  t.equal(after({}, joined), '', 'and who joined for the first time joins anew')
})

t.test('broadcasts that were missed are still to come when the welcome does', async (t) => {
  t.equal(after({ $all: 'e.1.x' }, event('welcome', '$all', 'e.3.m')), '$all/e.1.x')
})
