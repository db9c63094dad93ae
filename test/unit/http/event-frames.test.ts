import t from 'tap'
import { replyFrame, sentEntry, signalFrame, textFrame } from '../../../src/hub/frame.ts'
import { eventsOf, type StreamEvent } from '../../../src/http/event-frames.ts'
import { ALL, POSITION } from '../../../src/protocol/rooms.ts'
import { entry, NOON } from '../fakes.ts'

function only (frame: Uint8Array): Omit<StreamEvent, 'data'> & { data: string } {
  const [event, ...more] = eventsOf(frame)
  t.strictSame(more, [])
  return { ...event!, data: Buffer.from(event!.data).toString() }
}

t.test('numbered frames lead to their place, as hub/frame.ts writes it', async (t) => {
  const longest = 'r'.repeat(128)
  const far = entry(Number.MAX_SAFE_INTEGER, 'a', { epoch: 'e'.repeat(32), id: 'i'.repeat(32) })
  for (const [room, one] of [['general', entry(5)], [longest, far], [POSITION, entry(0)], [ALL, entry(7)]] as const) {
    t.hasStrict(only(sentEntry(room, one).frame), { kind: 'message', room, cursor: `${one.epoch}.${one.seq}.${one.id}` }, room)
  }
})

t.test('what is only in the content is no place', async (t) => {
  const content = '{"type":"message","room":"other","seq":1,"cursor":"x.1.y"}'
  const signal = { from: '"ann"', content: Buffer.from(content), except: undefined, timestampMs: NOON }
  t.hasStrict(only(signalFrame('general', signal)), { kind: 'other', room: undefined, cursor: undefined })
  t.hasStrict(only(sentEntry('general', entry(5, 'a', { content: Buffer.from(content) })).frame), { room: 'general', cursor: 'e1.5.a5' })
  const sly = { ...signal, from: '"a\\",\\"seq\\":1,\\"cursor\\":\\"x.1.y"' }
  t.hasStrict(only(signalFrame('general', sly)), { kind: 'other', room: undefined, cursor: undefined })
})

t.test('replies say what they say', async (t) => {
  t.hasStrict(only(replyFrame({ type: 'welcome', user: '","broadcastCursor":"x', broadcastCursor: 'm.3.h' })),
    { kind: 'welcome', room: ALL, cursor: 'm.3.h' })
  t.hasStrict(only(replyFrame({ type: 'joined', id: undefined, room: 'a', cursor: 'e.5.x', seq: 5, recovered: true, replay: 2 })),
    { kind: 'joined', room: 'a', cursor: 'e.5.x', replay: 2 })
  t.hasStrict(only(replyFrame({ type: 'joined', room: 'live:a' })), { kind: 'joined', room: 'live:a', cursor: undefined })
  t.hasStrict(only(replyFrame({ type: 'gap', room: 'a', reason: 'trimmed', cursor: 'e.9.x', seq: 9 })),
    { kind: 'gap', room: 'a', cursor: 'e.9.x' })
  t.hasStrict(only(replyFrame({ type: 'gap', room: 'live:a', reason: 'slow', missed: 3 })), { kind: 'gap', cursor: undefined })
  t.hasStrict(only(replyFrame({ type: 'goodbye', reason: 'draining' })), { kind: 'goodbye', room: undefined })
  t.hasStrict(only(replyFrame({ type: 'error', room: 'a', reason: 'unavailable' })), { kind: 'error', room: undefined })
  t.hasStrict(only(replyFrame({ type: 'system', event: 'join', room: 'a' })), { kind: 'other', room: undefined })
})

t.test('frames of every length that were joined come apart again', async (t) => {
  const texts = [0, 1, 125, 126, 127, 65_535, 65_536, 100_000].map((length) => 'x'.repeat(length))
  const padded = Buffer.concat([Buffer.from('ahead'), ...texts.map((text) => textFrame(text))]).subarray(5)
  t.strictSame(eventsOf(padded).map(({ data }) => data.length), texts.map(({ length }) => length))
  t.equal(eventsOf(padded), eventsOf(padded), 'once for the same bytes')
})

t.test('content on several lines is an event of one, of the same value and no larger', async (t) => {
  const content = Buffer.from('{\r\n"a":\r1,\n\n"ä":"\\n"}')
  const { data } = only(sentEntry('general', entry(1, 'a', { content })).frame)
  t.notMatch(data, /[\r\n]/)
  t.strictSame((JSON.parse(data) as { content: unknown }).content, { a: 1, ä: '\n' })
  t.match(content.toString(), '\r\n', 'what sockets get is as it was')
  const hollow = sentEntry('general', entry(1, 'a', { content: Buffer.from(`[${'\n'.repeat(64_000)}]`) })).frame
  t.ok(eventsOf(hollow)[0]!.data.length <= hollow.length)
})
