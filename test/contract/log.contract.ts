import assert from 'node:assert/strict'
import type { Receipt } from '../../src/log/log.ts'
import type { Cursor } from '../../src/protocol/cursor.ts'
import type { Entry } from '../../src/protocol/entry.ts'
import { KEEP, signal, type TestReplica } from '../helpers/replicas.ts'
import { eventually } from '../../cluster/until.ts'
import type { Clause } from './contract.ts'

const ROOM = 'general'
const PLENTY = 1_000_000

async function append ({ log }: TestReplica, content: string, rest: object = {}): Promise<Receipt> {
  const receipt = await log.append(ROOM, { from: '"ann"', content, ...rest })
  assert.ok(receipt !== 'key_reused')
  return receipt
}

async function fill (replica: TestReplica, count: number): Promise<Cursor[]> {
  const cursors: Cursor[] = []
  for (let n = 1; n <= count; n++) cursors.push((await append(replica, String(n))).cursor)
  return cursors
}

function contents (entries: readonly Entry[]): string[] {
  return entries.map(({ content }) => Buffer.from(content).toString())
}

/** Numbers rise by one, every entry names the one before it, and times never go back. */
function assertChain (entries: readonly Entry[]): void {
  entries.slice(1).forEach((entry, index) => {
    const before = entries[index]!
    assert.equal(entry.seq, before.seq + 1)
    assert.equal(entry.prev, before.id)
    assert.equal(entry.epoch, before.epoch)
    assert.ok(entry.timestampMs >= before.timestampMs)
  })
}

export const logContract: readonly Clause[] = [
  {
    name: 'B9 B10 appends from two replicas at once are numbered in one chain, and both hear that order',
    check: async ({ a, b }) => {
      await Promise.all([a, b].map((replica) => replica.broker.subscribe(ROOM)))
      const numbers = Array.from({ length: 100 }, (_, index) => index)
      const receipts = await Promise.all(numbers.flatMap((n) => [append(a, `"a${n}"`), append(b, `"b${n}"`)]))
      const { entries, top } = await a.log.open(ROOM, 500, PLENTY)
      assert.equal(top.seq, 200)
      assertChain(entries)
      assert.deepEqual(entries.map(({ seq }) => seq), receipts.map(({ cursor }) => cursor.seq).sort((x, y) => x - y))
      const last = contents(entries).at(-1)!
      await Promise.all([a, b].map((replica) => replica.hears(ROOM, last)))
      assert.deepEqual(a.of(ROOM), contents(entries))
      assert.deepEqual(b.of(ROOM), contents(entries))
    }
  },
  {
    name: 'what is heard and what is read are the same entry',
    check: async ({ a, b }) => {
      await a.broker.subscribe(ROOM)
      const content = '{"a":1.0,\n"ü":"😀"}'
      const { cursor } = await append(b, content, { except: 'c_1' })
      await a.hears(ROOM, content)
      const { envelope } = a.heard[0]!
      const { entries } = await a.log.open(ROOM, 1, PLENTY)
      assert.ok(envelope.kind === 'entry')
      assert.deepEqual({ ...envelope.entry, content }, { ...entries[0]!, content: contents(entries)[0] })
      assert.deepEqual(
        { epoch: envelope.entry.epoch, seq: envelope.entry.seq, id: envelope.entry.id },
        { ...cursor }
      )
      assert.equal(envelope.entry.except, 'c_1')
    }
  },
  {
    name: 'an empty room has a place that can be read on from',
    check: async ({ a, b }) => {
      const { top, entries } = await a.log.open(ROOM, 10, PLENTY)
      assert.equal(top.seq, 0)
      assert.deepEqual(entries, [])
      assert.deepEqual((await b.log.open(ROOM, 10, PLENTY)).top, top)
      await fill(b, 2)
      const stretch = await a.log.after(ROOM, top)
      assert.equal(stretch.gap, undefined)
      assert.deepEqual(contents(stretch.entries), ['1', '2'])
    }
  },
  {
    name: 'open gives the newest entries, oldest first, within a count and a size',
    check: async ({ a }) => {
      await fill(a, 10)
      assert.deepEqual(contents((await a.log.open(ROOM, 3, PLENTY)).entries), ['8', '9', '10'])
      assert.deepEqual(contents((await a.log.open(ROOM, 0, PLENTY)).entries), [])
      assert.deepEqual(contents((await a.log.open(ROOM, 3, 1)).entries), ['10'])
    }
  },
  {
    name: 'after a place come the entries that follow it, in pages; at the top there are none',
    check: async ({ a }) => {
      const cursors = await fill(a, 450)
      let place = cursors[9]!
      const read: Entry[] = []
      for (;;) {
        const { gap, entries, top } = await a.log.after(ROOM, place)
        assert.equal(gap, undefined)
        assert.equal(top.seq, 450)
        if (entries.length === 0) break
        assert.ok(entries.length <= 200)
        read.push(...entries)
        place = entries.at(-1)!
      }
      assertChain(read)
      assert.deepEqual(read.map(({ seq }) => seq), Array.from({ length: 440 }, (_, index) => index + 11))
    }
  },
  {
    name: 'a page of large entries ends at its size',
    check: async ({ a }) => {
      const [first] = await fill(a, 1)
      for (let n = 0; n < 6; n++) await append(a, JSON.stringify('x'.repeat(300_000)))
      const { entries } = await a.log.after(ROOM, first!)
      assert.equal(entries.length, 3)
    }
  },
  {
    name: 'a place of another log, ahead of this one, or with another id is told apart',
    check: async ({ a }) => {
      const cursors = await fill(a, 5)
      const [, , third] = cursors as [Cursor, Cursor, Cursor]
      const top = cursors.at(-1)!
      assert.equal((await a.log.after(ROOM, { ...third, epoch: 'other' })).gap, 'epoch')
      assert.equal((await a.log.after(ROOM, { ...third, seq: 6 })).gap, 'ahead')
      assert.equal((await a.log.after(ROOM, { ...third, id: 'other' })).gap, 'fork')
      assert.equal((await a.log.after(ROOM, { ...top, id: 'other' })).gap, 'fork')
      const { gap, top: seen, entries } = await a.log.after(ROOM, { ...third, epoch: 'other' })
      assert.equal(gap, 'epoch')
      assert.deepEqual({ ...seen }, { ...top })
      assert.deepEqual(entries, [])
    }
  },
  {
    name: 'a log keeps exactly so many entries; a place before them is trimmed, one at their edge is not',
    options: { retention: { ...KEEP, maxEntries: 5 } },
    check: async ({ a }) => {
      const cursors = await fill(a, 12)
      const { entries, more } = await a.log.before(ROOM, undefined, 100, PLENTY)
      assert.deepEqual(contents(entries), ['8', '9', '10', '11', '12'])
      assert.equal(more, false)
      assert.equal((await a.log.after(ROOM, cursors[5]!)).gap, 'trimmed')
      assert.deepEqual(contents((await a.log.after(ROOM, cursors[6]!)).entries), ['8', '9', '10', '11', '12'])
      assert.equal((await a.log.after(ROOM, { ...cursors[6]!, id: 'other' })).gap, 'fork')
    }
  },
  {
    name: 'entries age away; the numbers go on',
    options: { retention: { ...KEEP, maxAgeMs: 40 } },
    check: async ({ a }) => {
      const [first] = await fill(a, 2)
      await eventually('the entries are gone', async () =>
        (await a.log.before(ROOM, undefined, 10, PLENTY)).entries.length === 0)
      assert.equal((await a.log.after(ROOM, first!)).gap, 'trimmed')
      assert.equal((await append(a, '3')).cursor.seq, 3)
    }
  },
  {
    name: 'history pages back from a number, and says whether there is more',
    check: async ({ a }) => {
      await fill(a, 10)
      const newest = await a.log.before(ROOM, undefined, 4, PLENTY)
      assert.deepEqual(contents(newest.entries), ['7', '8', '9', '10'])
      assert.equal(newest.more, true)
      const oldest = await a.log.before(ROOM, 5, 4, PLENTY)
      assert.deepEqual(contents(oldest.entries), ['1', '2', '3', '4'])
      assert.equal(oldest.more, false)
      assert.deepEqual(await a.log.before(ROOM, 1, 4, PLENTY), { entries: [], more: false })
      assert.deepEqual(await a.log.before('nobody-was-here', undefined, 4, PLENTY), { entries: [], more: false })
    }
  },
  {
    name: 'history ends early at its size, but has at least one entry',
    check: async ({ a }) => {
      for (let n = 0; n < 4; n++) await append(a, JSON.stringify('x'.repeat(1_000)))
      const page = await a.log.before(ROOM, undefined, 10, 2_500)
      assert.equal(page.entries.length, 2)
      assert.equal(page.more, true)
      assert.equal((await a.log.before(ROOM, undefined, 10, 10)).entries.length, 1)
    }
  },
  {
    name: 'a key is stored once on whichever replica; with other content it is refused; scopes are apart',
    check: async ({ a, b }) => {
      await a.broker.subscribe(ROOM)
      const key = { scope: 'user:ann', key: 'k1' }
      const first = await append(a, '1', { key })
      assert.equal(first.duplicate, false)
      await append(a, '2')
      const again = await append(b, '1', { key, from: '"ann on her phone"' })
      assert.deepEqual({ ...again, cursor: { ...again.cursor } }, { duplicate: true, cursor: { ...first.cursor } })
      assert.equal(await b.log.append(ROOM, { from: '"ann"', content: '3', key }), 'key_reused')
      assert.equal((await append(b, '4', { key: { ...key, scope: 'user:bob' } })).duplicate, false)
      await a.hears(ROOM, '4')
      assert.deepEqual(a.of(ROOM), ['1', '2', '4'])
    }
  },
  {
    name: 'a key of a stored message and one of a signal are never taken for each other',
    check: async ({ a, b }) => {
      const stored = { scope: 'user:ann', key: 'stored' }
      const signalled = { scope: 'user:ann', key: 'signalled' }
      await append(a, '1', { key: stored })
      assert.equal(await b.broker.publish(ROOM, signal('1'), stored), 'key_reused')
      assert.equal(await b.broker.publish(ROOM, signal('1'), signalled), 'published')
      assert.equal(await a.log.append(ROOM, { from: '"ann"', content: '1', key: signalled }), 'key_reused')
    }
  },
  {
    name: 'scope and key do not run together',
    check: async ({ a }) => {
      await append(a, '1', { key: { scope: 'user:a', key: 'b:c' } })
      assert.equal((await append(a, '2', { key: { scope: 'user:a:b', key: 'c' } })).duplicate, false)
    }
  },
  {
    name: 'of a room where only the newest value counts, that is what follows any place',
    options: { retention: { maxEntries: 1, maxAgeMs: 0, latestOnly: true } },
    check: async ({ a }) => {
      const cursors = await fill(a, 5)
      const old = await a.log.after(ROOM, cursors[0]!)
      assert.equal(old.gap, undefined)
      assert.deepEqual(contents(old.entries), ['5'])
      assert.deepEqual((await a.log.after(ROOM, cursors[4]!)).entries, [])
      const lost = await a.log.after(ROOM, { ...cursors[0]!, epoch: 'other' })
      assert.equal(lost.gap, 'epoch')
      assert.deepEqual(contents(lost.entries), ['5'])
    }
  }
]
