import t from 'tap'
import type { Log, Snapshot, Stretch } from '../../../src/log/log.ts'
import { SharedReads } from '../../../src/log/shared-reads.ts'
import { type Reads, RoomSync, type SyncedRoom } from '../../../src/log/sync.ts'
import { BrokerError } from '../../../src/protocol/codes.ts'
import { type Cursor, formatCursor, sameCursor } from '../../../src/protocol/cursor.ts'
import type { Entry, Signal } from '../../../src/protocol/entry.ts'
import { Deferred, entries, entry, FakeTime, heard, NOON, place, turn } from '../fakes.ts'

const RETRY_MS = 500
const MAX_HELD = 1_000

/** The room on this replica: it remembers everything, and writes down what it was told. */
class FakeRoom implements SyncedRoom {
  readonly name = 'general'
  readonly told: string[] = []
  readonly #places: Cursor[] = [{ epoch: '', seq: 0, id: '' }]

  get top (): Cursor {
    return this.#places.at(-1)!
  }

  deliver (one: Entry): void {
    this.told.push(one.id)
    this.#places.push(one)
  }

  signal (signal: Signal): void {
    this.told.push(`signal ${Buffer.from(signal.content).toString()}`)
  }

  forgotten = 0

  forget (): void {
    this.forgotten++
  }

  reset (at: Cursor): void {
    this.told.push(`reset ${formatCursor(at)}`)
    this.#places.splice(0, Infinity, at)
  }

  has (at: Cursor): boolean {
    return this.#places.some((known) => sameCursor(known, at))
  }

  agrees (at: Cursor): boolean {
    return this.#places.every((known) => known.seq !== at.seq || sameCursor(known, at))
  }
}

/** A log that can be written to, replaced, held up and taken away. */
class FakeLog implements Pick<Log, 'open'>, Reads {
  readonly asked: string[] = []
  kept: Entry[] = []
  pageEntries = 2
  stops = 0
  gap: Stretch['gap']
  isAway = false
  hold: Promise<void> | undefined

  get #top (): Cursor {
    return this.kept.at(-1) ?? place(0)
  }

  async open (_room: string, newest: number, maxBytes: number): Promise<Snapshot> {
    const top = this.#top
    await this.#answer(`open ${newest} ${maxBytes}`)
    return { top, timestampMs: NOON, entries: [] }
  }

  async top (): Promise<Cursor> {
    const top = this.#top
    await this.#answer('top')
    return top
  }

  async afterNow (at: Cursor): Promise<Stretch> {
    const top = this.#top
    const newer = this.kept.filter(({ seq }) => seq > at.seq).slice(0, this.pageEntries)
    const gap = this.gap
    await this.#answer(formatCursor(at))
    const nowMs = NOON
    return gap === undefined ? { entries: newer, top, nowMs } : { gap, entries: [], top, nowMs }
  }

  stop (): void {
    this.stops++
  }

  async #answer (what: string): Promise<void> {
    this.asked.push(what)
    await this.hold
    if (this.isAway) throw new BrokerError('unavailable')
  }
}

/** A room that is live at `seq`. Where its reads are the real ones, they try again. */
async function liveAt (seq: number, latestOnly = false, reading: 'plain' | 'retrying' = 'plain') {
  const log = new FakeLog()
  log.kept = entries(1, seq)
  const room = new FakeRoom()
  const after: Log['after'] = (_room, at) => log.afterNow(at)
  const reads = reading === 'plain' ? log : new SharedReads({ after } as Log, 'general')
  const sync = new RoomSync(log, reads, room, latestOnly)
  await sync.start()
  room.told.length = 0
  log.asked.length = 0
  return { log, room, sync }
}

t.test('a room starts where its log stands, and asks for no entries', async (t) => {
  const log = new FakeLog()
  const room = new FakeRoom()
  log.kept = entries(1, 3)
  await new RoomSync(log, log, room, false).start()
  t.strictSame(room.told, ['reset e1.3.a3'])
  t.strictSame(log.asked, ['open 0 0'])
})

t.test('entries that follow one another are delivered, and the log is not asked', async (t) => {
  const { log, room, sync } = await liveAt(3)
  for (const one of entries(4, 6)) sync.receive(heard(one))
  t.strictSame(room.told, ['a4', 'a5', 'a6'])
  t.strictSame(log.asked, [])
})

t.test('a late copy of what was delivered is dropped', async (t) => {
  const { log, room, sync } = await liveAt(3)
  sync.receive(heard(entry(4)))
  sync.receive(heard(entry(4)))
  sync.receive(heard(entry(3)))
  await turn()
  t.strictSame(room.told, ['a4'])
  t.strictSame(log.asked, [])
})

t.test('a number that is long past is no late copy: the log may have gone back, and is asked', async (t) => {
  const { log, room, sync } = await liveAt(3)
  log.kept = [...entries(1, 1), entry(2, 'b', { prev: 'a1' })]
  log.gap = 'ahead'
  sync.receive(heard(entry(2, 'b', { prev: 'a1' })))
  await turn()
  t.strictSame(room.told, ['reset e1.2.b2'])
})

t.test('what was held while the log was read, and is long past, is dropped without asking again', async (t) => {
  const { log, room, sync } = await liveAt(3)
  log.pageEntries = 10
  const held = new Deferred()
  log.hold = held.promise
  const restored = sync.restore()
  log.kept = entries(1, 6)
  for (const seq of [1, 2, 4, 5]) sync.receive(heard(entry(seq)))
  await turn()
  held.resolve()
  await restored
  await turn()
  t.strictSame(room.told.filter((what) => what.startsWith('a')).slice(-2), ['a4', 'a5'])
  t.strictSame(log.asked.length, 1)
})

t.test('at a hole the log is read on for the whole room, and nothing is delivered twice', async (t) => {
  const { log, room, sync } = await liveAt(3)
  log.kept = entries(1, 5)
  sync.receive(heard(entry(5)))
  await turn()
  sync.receive(heard(entry(6)))
  t.strictSame(room.told, ['a4', 'a5', 'a6'])
  t.strictSame(log.asked, ['e1.3.a3'])
})

t.test('a log of more than one page is read page by page, and no further than its top', async (t) => {
  const { log, room, sync } = await liveAt(3)
  log.kept = entries(1, 8)
  await sync.restore()
  t.strictSame(room.told, ['a4', 'a5', 'a6', 'a7', 'a8'])
  t.strictSame(log.asked, ['e1.3.a3', 'e1.5.a5', 'e1.7.a7'])
})

t.test('what comes while the log is read is held, and costs no further read, however much it is', async (t) => {
  for (const count of [4, MAX_HELD]) {
    const { log, room, sync } = await liveAt(0)
    const held = new Deferred()
    log.hold = held.promise
    log.kept = entries(1, 2)
    sync.receive(heard(entry(2)))
    for (const one of entries(3, 2 + count)) sync.receive(heard(one))
    t.strictSame(room.told, [])
    held.resolve()
    await turn()
    t.strictSame(room.told, entries(1, 2 + count).map(({ id }) => id))
    t.strictSame(log.asked, ['e1.0.a0'])
    sync.receive(heard(entry(3 + count)))
    t.equal(room.told.at(-1), `a${3 + count}`)
  }
})

t.test('where more comes than can be held, it is let go of, and the log is read once more', async (t) => {
  const { log, room, sync } = await liveAt(3)
  const held = new Deferred()
  log.hold = held.promise
  log.pageEntries = 5_000
  const restored = sync.restore()
  const last = 3 + MAX_HELD + 5
  for (const one of entries(4, last)) sync.receive(heard(one))
  log.kept = entries(1, last)
  held.resolve()
  await restored
  t.strictSame(room.told, entries(4, last).map(({ id }) => id))
  t.strictSame(log.asked, ['e1.3.a3', 'e1.3.a3'])
  sync.receive(heard(entry(last + 1)))
  t.equal(room.told.at(-1), `a${last + 1}`)
})

t.test('a hole in what was held is read, and what follows it is held on', async (t) => {
  const { log, room, sync } = await liveAt(3)
  const held = new Deferred()
  log.hold = held.promise
  const restored = sync.restore()
  log.kept = entries(1, 5)
  for (const seq of [4, 6, 7, 8]) sync.receive(heard(entry(seq)))
  log.kept = entries(1, 6)
  held.resolve()
  await restored
  await turn()
  t.strictSame(room.told, ['a4', 'a5', 'a6', 'a7', 'a8'])
  t.strictSame(log.asked, ['e1.3.a3', 'e1.4.a4'])
})

t.test('what was held before a gap is dropped, and what follows it goes on from there', async (t) => {
  const { log, room, sync } = await liveAt(3)
  const held = new Deferred()
  log.hold = held.promise
  log.kept = entries(1, 9)
  log.gap = 'trimmed'
  const restored = sync.restore()
  for (const one of entries(8, 11)) sync.receive(heard(one))
  held.resolve()
  await restored
  t.strictSame(room.told, ['reset e1.9.a9', 'a10', 'a11'])
  t.strictSame(log.asked, ['e1.3.a3'])
})

t.test('an entry that is heard while the log\'s end is read is not lost', async (t) => {
  const { log, room, sync } = await liveAt(3)
  const held = new Deferred()
  log.hold = held.promise
  const restored = sync.restore()
  log.kept = entries(1, 4)
  sync.receive(heard(entry(4)))
  held.resolve()
  await restored
  t.strictSame(room.told, ['a4'])
})

t.test('an entry that is heard while the room starts is not lost', async (t) => {
  const log = new FakeLog()
  const room = new FakeRoom()
  const held = new Deferred()
  log.hold = held.promise
  const sync = new RoomSync(log, log, room, false)
  const started = sync.start()
  log.kept = entries(1, 1)
  sync.receive(heard(entry(1)))
  held.resolve()
  await started
  sync.receive(heard(entry(2)))
  t.strictSame(room.told, ['reset e1.0.a0', 'a1', 'a2'])
})

t.test('an entry that does not name the one before it is a hole, though its number follows', async (t) => {
  const { log, room, sync } = await liveAt(3)
  log.kept = entries(1, 4, 'b')
  log.gap = 'fork'
  sync.receive(heard(entry(4, 'b')))
  await turn()
  t.strictSame(room.told, ['reset e1.4.b4'])
})

t.test('another entry of a number that was delivered is a fork, and the room goes on there', async (t) => {
  const { log, room, sync } = await liveAt(3)
  log.kept = [...entries(1, 2), entry(3, 'b', { prev: 'a2' })]
  log.gap = 'fork'
  sync.receive(heard(entry(3, 'b', { prev: 'a2' })))
  await turn()
  sync.receive(heard(entry(4, 'b')))
  t.strictSame(room.told, ['reset e1.3.b3', 'b4'])
})

t.test('nobody reads on out of what a contradiction has shown to be of another log; a mere hole forgets nothing', async (t) => {
  const contradictions = [
    entry(4, 'b'), entry(3, 'b', { prev: 'a2' }), entry(2, 'b'), { ...entry(9), epoch: 'e2' }, { ...entry(1), epoch: 'e2' }
  ]
  for (const contradiction of contradictions) {
    const { room, sync } = await liveAt(3)
    sync.receive(heard(contradiction))
    t.equal(room.forgotten, 1, contradiction.id)
  }
  const { log, room, sync } = await liveAt(3)
  sync.receive(heard(entry(5)))
  t.equal(room.forgotten, 0)
  // While it is read, a top tells that the log went back.
  log.kept = entries(1, 2)
  await sync.top()
  t.equal(room.forgotten, 1)
})

t.test('an entry of another epoch makes the room ask, and go on there', async (t) => {
  const { log, room, sync } = await liveAt(3)
  const reborn = { ...entry(1, 'n'), epoch: 'e2' }
  log.kept = [reborn]
  log.gap = 'epoch'
  sync.receive(heard(reborn))
  await turn()
  t.strictSame(room.told, ['reset e2.1.n1'])
})

t.test('after a lost connection what was missed is read', async (t) => {
  const { log, room, sync } = await liveAt(3)
  log.kept = entries(1, 8)
  await sync.restore()
  t.strictSame(room.told, ['a4', 'a5', 'a6', 'a7', 'a8'])
})

t.test('after a lost connection in which nothing happened nothing is told', async (t) => {
  const { room, sync } = await liveAt(3)
  await sync.restore()
  t.strictSame(room.told, [])
})

t.test('a connection that is lost again and again while the log is read makes one more read', async (t) => {
  const { log, room, sync } = await liveAt(3)
  const held = new Deferred()
  log.hold = held.promise
  const restored = sync.restore()
  log.kept = entries(1, 4)
  await sync.restore()
  await sync.restore()
  held.resolve()
  await restored
  t.strictSame(room.told, ['a4'])
  t.strictSame(log.asked, ['e1.3.a3', 'e1.3.a3'])
})

t.test('a connection that is lost while the room starts makes it read what it may have missed', async (t) => {
  const log = new FakeLog()
  const room = new FakeRoom()
  const held = new Deferred()
  log.hold = held.promise
  const sync = new RoomSync(log, log, room, false)
  const started = sync.start()
  await sync.restore()
  log.kept = entries(1, 2)
  held.resolve()
  await started
  t.strictSame(room.told, ['reset e1.0.a0', 'a1', 'a2'])
  t.strictSame(log.asked, ['open 0 0', 'e1.0.a0'])
})

t.test('signals pass at any time', async (t) => {
  const { log, room, sync } = await liveAt(3)
  const signal = { from: '"ann"', content: Buffer.from('1'), except: undefined, timestampMs: NOON }
  sync.receive({ kind: 'signal', signal })
  log.hold = new Deferred().promise
  void sync.restore()
  sync.receive({ kind: 'signal', signal })
  t.strictSame(room.told, ['signal 1', 'signal 1'])
})

t.test('in a latest room a number may jump forward, and what is older is dropped', async (t) => {
  const { log, room, sync } = await liveAt(3, true)
  sync.receive(heard(entry(4)))
  sync.receive(heard(entry(4)))
  sync.receive(heard(entry(3)))
  sync.receive(heard(entry(9)))
  sync.receive(heard(entry(10)))
  await turn()
  t.strictSame(room.told, ['a4', 'a9', 'a10'])
  t.strictSame(log.asked, [])
})

t.test('in a latest room another epoch is no jump', async (t) => {
  const { log, room, sync } = await liveAt(3, true)
  log.gap = 'epoch'
  log.kept = [{ ...entry(9, 'n'), epoch: 'e2' }]
  sync.receive(heard(log.kept[0]!))
  await turn()
  t.strictSame(room.told, ['reset e2.9.n9'])
})

t.test('while the log cannot be read it is tried again, and nothing that came meanwhile is lost', async (t) => {
  const time = new FakeTime(t)
  const { log, room, sync } = await liveAt(3, false, 'retrying')
  log.isAway = true
  const restored = sync.restore()
  await turn()
  log.kept = entries(1, 4)
  sync.receive(heard(entry(4)))
  time.pass(RETRY_MS)
  await turn()
  t.strictSame(room.told, [])
  log.isAway = false
  time.pass(RETRY_MS)
  await restored
  sync.receive(heard(entry(5)))
  t.strictSame(room.told, ['a4', 'a5'])
  t.equal(time.timers, 0)
})

t.test('a defect of the log is not kept quiet', async (t) => {
  const { log, sync } = await liveAt(3)
  log.isAway = true
  await t.rejects(sync.restore(), new BrokerError('unavailable'))
})

t.test('where the log cannot be opened, the room does not start', async (t) => {
  const log = new FakeLog()
  log.isAway = true
  await t.rejects(new RoomSync(log, log, new FakeRoom(), false).start(), new BrokerError('unavailable'))
})

t.test('a room that was stopped is told nothing more of its log', async (t) => {
  const { log, room, sync } = await liveAt(3)
  const held = new Deferred()
  log.kept = entries(1, 5)
  log.hold = held.promise
  const restored = sync.restore()
  sync.stop()
  held.resolve()
  await restored
  sync.receive(heard(entry(4)))
  await sync.restore()
  t.strictSame(room.told, [])
  t.strictSame(log.asked, ['e1.3.a3'])
})

t.test('a room that was stopped while a read failed is not told of it', async (t) => {
  const { log, room, sync } = await liveAt(3)
  log.isAway = true
  const restored = sync.restore()
  sync.stop()
  await restored
  t.strictSame(room.told, [])
  t.strictSame(log.asked, ['e1.3.a3'])
})

t.test('a room that is stopped while it starts is not reset', async (t) => {
  const log = new FakeLog()
  const room = new FakeRoom()
  const held = new Deferred()
  log.hold = held.promise
  const sync = new RoomSync(log, log, room, false)
  const started = sync.start()
  sync.stop()
  held.resolve()
  await started
  t.strictSame(room.told, [])
})

t.test('a retry that waits is let go of when the room is stopped', async (t) => {
  const time = new FakeTime(t)
  const { log, room, sync } = await liveAt(3, false, 'retrying')
  log.isAway = true
  const restored = sync.restore()
  await turn()
  t.equal(time.timers, 1)
  sync.stop()
  await restored
  t.equal(time.timers, 0)
  t.strictSame(room.told, [])
})

t.test('a room that is stopped stops its reads', async (t) => {
  const { log, sync } = await liveAt(3)
  t.equal(log.stops, 0)
  sync.stop()
  t.equal(log.stops, 1)
})

t.test('more bytes than can be held are let go of, too', async (t) => {
  const { log, room, sync } = await liveAt(0)
  log.pageEntries = 100
  const held = new Deferred()
  log.hold = held.promise
  const restored = sync.restore()
  const large = Buffer.alloc(400_000)
  const all = [1, 2, 3, 4].map((seq) => entry(seq, 'a', { content: large }))
  for (const one of all) sync.receive(heard(one))
  log.kept = all
  held.resolve()
  await restored
  t.strictSame(room.told, ['a1', 'a2', 'a3', 'a4'])
  t.equal(log.asked.length, 2, 'what was being read may be of before that')
})

t.test('the top of a log that this room has heard of already, or agrees with, starts no read', async (t) => {
  const { log, room, sync } = await liveAt(3)
  t.match(await sync.top(), place(3))
  const held = new Deferred()
  log.hold = held.promise
  const asked = sync.top()
  sync.receive(heard(entry(4)))
  held.resolve()
  t.match(await asked, place(3))
  await turn()
  t.strictSame(room.told, ['a4'])
  t.strictSame(log.asked, ['top', 'top'])
})

t.test('a top that is ahead is on its way; where it does not come, the log is read', async (t) => {
  const time = new FakeTime(t)
  const { log, room, sync } = await liveAt(3)
  log.kept = entries(1, 4)
  await sync.top()
  await sync.top()
  t.equal(time.timers, 1)
  sync.receive(heard(entry(4)))
  time.pass(250)
  await turn()
  t.strictSame(log.asked, ['top', 'top'], 'it came')
  log.kept = entries(1, 5)
  await sync.top()
  time.pass(249)
  await turn()
  t.strictSame(room.told, ['a4'])
  time.pass(1)
  await turn()
  t.strictSame(room.told, ['a4', 'a5'])
})

for (const [what, kept] of [
  ['of another epoch', [{ ...entry(1), epoch: 'e2' }]],
  ['that went back', entries(1, 2)],
  ['with another entry of that number', [...entries(1, 2), entry(3, 'b')]]
] as const) {
  t.test(`a top ${what} makes the room read at once, and a quiet room's comparison does, too`, async (t) => {
    for (const compare of [true, false]) {
      const { log, room, sync } = await liveAt(3)
      log.kept = [...kept]
      log.gap = 'fork'
      if (compare) sync.compare(sync.place!, log.kept.at(-1)!)
      else await sync.top()
      await turn()
      t.strictSame(room.told, [`reset ${formatCursor(kept.at(-1)!)}`])
    }
  })
}

t.test('a quiet room is read where its log went on without it, or is gone; otherwise not', async (t) => {
  const { log, room, sync } = await liveAt(3)
  sync.compare(sync.place!, place(3))
  t.strictSame(log.asked, [])
  log.kept = entries(1, 4)
  sync.compare(sync.place!, place(4))
  await turn()
  t.strictSame(room.told, ['a4'])
  log.gap = 'epoch'
  log.kept = [{ ...entry(1, 'n'), epoch: 'e2' }]
  sync.compare(sync.place!, undefined)
  await turn()
  t.strictSame(room.told, ['a4', 'reset e2.1.n1'])
})

t.test('a room that is being read has no place to compare', async (t) => {
  const { log, sync } = await liveAt(3)
  const held = new Deferred()
  log.hold = held.promise
  t.match(sync.place, place(3))
  const restored = sync.restore()
  t.equal(sync.place, undefined)
  held.resolve()
  await restored
  t.match(sync.place, place(3))
})

t.test('of two tops that are ahead the newer one is expected, too', async (t) => {
  const time = new FakeTime(t)
  const { log, room, sync } = await liveAt(3)
  log.kept = entries(1, 4)
  await sync.top()
  time.pass(200)
  log.kept = entries(1, 5)
  await sync.top()
  sync.receive(heard(entry(4)))
  time.pass(50)
  await turn()
  t.strictSame(room.told, ['a4', 'a5'])
})

t.test('in a latest room, too, a number that is long past may be of a log that went back', async (t) => {
  const { log, room, sync } = await liveAt(9, true)
  log.kept = [entry(8, 'b')]
  log.gap = 'ahead'
  sync.receive(heard(entry(8, 'b')))
  await turn()
  t.strictSame(room.told, ['reset e1.8.b8'])
})
