import t from 'tap'
import { payloadOf, type Frame } from '../../../src/hub/frame.ts'
import { PresenceFeed } from '../../../src/hub/presence-feed.ts'
import { FakeTime, NOON } from '../fakes.ts'

interface Told { readonly frame: Record<string, unknown>, readonly except: string | undefined }

function feedOf (mergeAbove: number): { feed: PresenceFeed, told: Told[] } {
  const told: Told[] = []
  const tell = (frameOf: () => Frame, except?: string): void => {
    told.push({ frame: JSON.parse(Buffer.from(payloadOf(frameOf())).toString()) as Record<string, unknown>, except })
  }
  return { feed: new PresenceFeed({ name: 'general', tell }, mergeAbove), told }
}

const AT = { timestampMs: NOON }

t.test('in a small room everyone who comes or goes has a frame, which is not for them', (t) => {
  const { feed, told } = feedOf(100)
  feed.tell({ joined: [{ user: 'ann' }, { user: 'bob', info: '{"name":"Bob"}' }], left: ['carl'], count: 7, ...AT })
  const common = { type: 'system', room: 'general', timestamp: '2026-01-01T12:00:00.000Z' }
  t.strictSame(told, [
    { except: 'carl', frame: { ...common, event: 'leave', user: 'carl', count: 5 } },
    { except: 'ann', frame: { ...common, event: 'join', user: 'ann', count: 6 } },
    { except: 'bob', frame: { ...common, event: 'join', user: 'bob', count: 7, info: { name: 'Bob' } } }
  ])
  t.end()
})

t.test('in a large room one frame says it all, four times a second', (t) => {
  const time = new FakeTime(t)
  const { feed, told } = feedOf(2)
  for (let n = 3; n <= 1_002; n++) {
    feed.tell({ joined: [{ user: `u${n}` }], left: [], count: n, ...AT })
    time.pass(1)
  }
  time.pass(300)
  t.equal(told.length, 5, 'of a second')
  t.strictSame(told.flatMap(({ frame }) => frame['joined']).length, 1_000)
  t.match(told.at(-1)!.frame, { type: 'system', event: 'members', room: 'general', left: [], count: 1_002 })
  t.end()
})

t.test('whoever comes and goes between two frames is not told of', (t) => {
  const time = new FakeTime(t)
  const { feed, told } = feedOf(0)
  feed.tell({ joined: [{ user: 'ann' }], left: [], count: 1, ...AT })
  feed.tell({ joined: [], left: ['ann'], count: 0, ...AT })
  time.pass(300)
  t.strictSame(told, [])
  feed.tell({ joined: [], left: ['bob'], count: 3, ...AT })
  feed.tell({ joined: [{ user: 'bob' }, { user: 'carl', info: '1' }], left: ['dora'], count: 3, ...AT })
  time.pass(300)
  t.match(told.map(({ frame }) => frame), [{ joined: [{ user: 'carl', info: 1 }], left: ['dora'], count: 3 }])
  t.end()
})

t.test('where many leave at once one frame says it, though few are left', (t) => {
  const time = new FakeTime(t)
  const { feed, told } = feedOf(100)
  const left = Array.from({ length: 5_000 }, (_, n) => `u${n}`)
  feed.tell({ joined: [], left, count: 50, ...AT })
  time.pass(300)
  t.equal(told.length, 1)
  t.match(told[0]!.frame, { event: 'members', left, count: 50 })
  t.end()
})

t.test('while a frame is gathered, what comes is in it, and not before it, however few are left', (t) => {
  const time = new FakeTime(t)
  const { feed, told } = feedOf(2)
  feed.tell({ joined: [{ user: 'ann' }], left: [], count: 3, ...AT })
  feed.tell({ joined: [], left: ['bob'], count: 2, ...AT })
  t.strictSame(told, [])
  time.pass(0)
  t.match(told.map(({ frame }) => frame), [{ event: 'members', joined: ['ann'], left: ['bob'], count: 2 }])
  feed.tell({ joined: [], left: ['ann'], count: 1, ...AT })
  t.match(told[1]!.frame, { event: 'leave', user: 'ann', count: 1 })
  t.end()
})

t.test('nothing is told when the room is given up', (t) => {
  const time = new FakeTime(t)
  const { feed, told } = feedOf(0)
  feed.tell({ joined: [{ user: 'ann' }], left: [], count: 1, ...AT })
  feed.stop()
  time.pass(1_000)
  t.strictSame(told, [])
  t.end()
})
