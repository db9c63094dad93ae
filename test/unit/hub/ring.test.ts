import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Sent } from '../../../src/hub/frame.ts'
import { Ring, RingBudget } from '../../../src/hub/ring.ts'
import { type Cursor, sameCursor } from '../../../src/protocol/cursor.ts'
import { entry, FakeTime, NOON, place } from '../fakes.ts'

function sent (seq: number, fork = 'a', bytes = 1): Sent {
  return { ...entry(seq, fork), frame: new Uint8Array(bytes) }
}

/** A ring that begins at 0, with a budget that is never spent where none is given. */
function newRing (maxEntries: number, maxBytes: number, base = place(0), budget = new RingBudget(Infinity)): Ring {
  return new Ring(base, { maxEntries, maxAgeMs: 0 }, maxBytes, budget)
}

function ringOf (first: number, last: number, maxEntries = 100): Ring {
  const ring = newRing(maxEntries, 1_000_000, place(first - 1))
  for (let seq = first; seq <= last; seq++) ring.push(sent(seq))
  return ring
}

function numbers (frames: readonly Sent[] | undefined): number[] | undefined {
  return frames?.map(({ seq }) => seq)
}

/** The same, said plainly: all places that are known, and the frames behind each. */
class Model {
  #base: Cursor
  #frames: Sent[] = []

  constructor (base: Cursor) {
    this.#base = base
  }

  get places (): readonly Cursor[] {
    return [this.#base, ...this.#frames]
  }

  get bytes (): number {
    return this.#frames.reduce((sum, { frame }) => sum + frame.length, 0)
  }

  push (one: Sent, maxEntries: number, maxBytes: number): void {
    const top = this.places.at(-1)!
    if (one.seq !== top.seq + 1 || one.prev !== top.id) {
      this.restart({ epoch: one.epoch, seq: one.seq - 1, id: one.prev })
    }
    this.#frames.push(one)
    while (this.#frames.length > maxEntries || (this.bytes > maxBytes && this.#frames.length > 1)) {
      this.#base = this.#frames[0]!
      this.#frames = this.#frames.slice(1)
    }
  }

  restart (base: Cursor): void {
    this.#base = base
    this.#frames = []
  }

  after (at: Cursor): readonly Sent[] | undefined {
    if (!this.places.some((known) => sameCursor(known, at))) return undefined
    return this.#frames.filter(({ seq }) => seq > at.seq)
  }

  agrees (at: Cursor): boolean {
    return this.places.every((known) => known.seq !== at.seq || sameCursor(known, at))
  }
}

t.test('a new ring stands at its base, and has nothing after it', (t) => {
  const ring = newRing(10, 100, place(7))
  t.strictSame(ring.top, place(7))
  t.strictSame(ring.after(place(7)), [])
  t.equal(ring.newest, undefined)
  t.end()
})

t.test('the frames after a place are those that came after it', (t) => {
  const ring = ringOf(1, 5)
  t.strictSame(numbers(ring.after(place(0))), [1, 2, 3, 4, 5])
  t.strictSame(numbers(ring.after(place(3))), [4, 5])
  t.strictSame(numbers(ring.after(place(5))), [])
  t.equal(ring.newest?.seq, 5)
  t.end()
})

t.test('a place that the ring does not know has no frames after it', (t) => {
  const ring = ringOf(4, 9)
  t.equal(ring.after(place(2)), undefined, 'before the base')
  t.equal(ring.after(place(10)), undefined, 'ahead')
  t.equal(ring.after(place(6, 'b')), undefined, 'another id')
  t.equal(ring.after(place(6, 'a', 'e2')), undefined, 'another epoch')
  t.equal(ring.after(place(3, 'b')), undefined, 'another base')
  t.end()
})

t.test('the oldest frames leave where there are too many', (t) => {
  const ring = ringOf(1, 8, 3)
  t.equal(ring.after(place(4)), undefined)
  t.strictSame(numbers(ring.after(place(5))), [6, 7, 8])
  t.end()
})

t.test('the oldest frames leave where they have too many bytes together', (t) => {
  const ring = newRing(100, 100)
  for (let seq = 1; seq <= 3; seq++) ring.push(sent(seq, 'a', 40))
  t.equal(ring.after(place(0)), undefined)
  t.strictSame(numbers(ring.after(place(1))), [2, 3])
  t.end()
})

t.test('one frame is kept however large it is', (t) => {
  const ring = newRing(100, 100)
  ring.push(sent(1, 'a', 5_000))
  t.equal(ring.newest?.seq, 1)
  ring.push(sent(2, 'a', 10))
  t.strictSame(numbers(ring.after(place(1))), [2])
  t.end()
})

t.test('restart forgets the frames, and their bytes', (t) => {
  const ring = newRing(100, 100)
  ring.push(sent(1, 'a', 90))
  ring.restart(place(0, 'b', 'e2'))
  t.strictSame(ring.top, place(0, 'b', 'e2'))
  t.equal(ring.after(place(1)), undefined)
  for (const seq of [1, 2]) ring.push({ ...sent(seq, 'b', 50), epoch: 'e2' })
  t.strictSame(numbers(ring.after(place(0, 'b', 'e2'))), [1, 2])
  t.end()
})

t.test('the ring disagrees only where it knows another entry of that number', (t) => {
  const ring = ringOf(4, 6)
  t.ok(ring.agrees(place(5)))
  t.notOk(ring.agrees(place(5, 'b')))
  t.notOk(ring.agrees(place(3, 'b')), 'the base is known, too')
  t.ok(ring.agrees(place(2, 'b')), 'gone from the ring')
  t.ok(ring.agrees(place(7, 'b')), 'not there yet')
  t.end()
})

t.test('the ring begins anew behind a number that was jumped to', (t) => {
  const ring = ringOf(1, 3)
  ring.push(sent(9))
  t.match(ring.top, place(9))
  t.strictSame(numbers(ring.after(place(8))), [9])
  t.strictSame(numbers(ring.after(place(9))), [])
  for (const seq of [0, 2, 3, 7]) t.equal(ring.after(place(seq)), undefined, `after ${seq}`)
  t.equal(ring.after(place(8, 'b')), undefined)
  t.notOk(ring.agrees(place(9, 'b')))
  t.notOk(ring.agrees(place(8, 'b')), 'the new frame names the one before it')
  t.ok(ring.agrees(place(3, 'b')), 'gone from the ring')
  ring.push(sent(10))
  t.strictSame(numbers(ring.after(place(8))), [9, 10])
  t.end()
})

t.test('the ring begins anew behind a frame that does not name the one before it', (t) => {
  const ring = ringOf(1, 3)
  ring.push(sent(4, 'b'))
  t.strictSame(numbers(ring.after(place(3, 'b'))), [4])
  t.equal(ring.after(place(3)), undefined)
  t.notOk(ring.agrees(place(3)))
  t.notOk(ring.agrees(place(4)))
  t.end()
})

t.test('the ring begins anew behind a number that goes back', (t) => {
  const ring = ringOf(1, 5)
  ring.push(sent(3, 'b'))
  t.match(ring.top, place(3, 'b'))
  t.strictSame(numbers(ring.after(place(2, 'b'))), [3])
  t.equal(ring.after(place(4)), undefined)
  t.end()
})

t.test('over the budget the rings that were used longest ago are emptied, and stay where they stand', (t) => {
  const budget = new RingBudget(100)
  const [first, second, third] = Array.from({ length: 3 }, () => newRing(100, 1_000, place(0), budget))
  for (const ring of [first!, second!, third!]) ring.push(sent(1, 'a', 30))
  first!.push(sent(2, 'a', 10))
  t.equal(budget.bytes, 100, 'at the bound all of it is kept')
  third!.push(sent(2, 'a', 1))
  t.equal(budget.bytes, 71)
  t.equal(second!.bytes, 0)
  t.strictSame(second!.top, place(1))
  t.strictSame(numbers(second!.after(place(1))), [])
  t.equal(second!.after(place(0)), undefined)
  t.strictSame(numbers(first!.after(place(0))), [1, 2], 'it was used since')
  t.strictSame(numbers(third!.after(place(0))), [1, 2])
  second!.push(sent(2, 'a', 60))
  t.strictSame([first!.bytes, second!.bytes, third!.bytes], [0, 60, 31])
  t.strictSame(numbers(second!.after(place(1))), [2], 'it goes on from its top')
  t.end()
})

t.test('a ring that is over the budget alone empties all others, and keeps its own', (t) => {
  const budget = new RingBudget(100)
  const [small, large] = [newRing(100, 1_000, place(0), budget), newRing(100, 1_000, place(0), budget)]
  small.push(sent(1, 'a', 10))
  large.push(sent(1, 'a', 500))
  t.strictSame([small.bytes, large.bytes, budget.bytes], [0, 500, 500])
  t.equal(large.newest?.seq, 1)
  t.match(large.top, place(1))
  t.end()
})

t.test('frames that leave a ring, and rings that restart, give their bytes back', (t) => {
  const budget = new RingBudget(1_000)
  const [first, second] = [newRing(1, 1_000, place(0), budget), newRing(100, 1_000, place(0), budget)]
  for (const seq of [1, 2, 3]) first.push(sent(seq, 'a', 10 * seq))
  t.equal(budget.bytes, 30)
  second.push(sent(1, 'a', 7))
  first.restart(place(9))
  t.equal(budget.bytes, 7)
  first.restart(place(0))
  t.equal(budget.bytes, 7)
  second.push(sent(5, 'a', 4))
  t.equal(budget.bytes, 4, 'a jump, too')
  t.end()
})

t.test('whatever rings hold, together they keep to the budget, and the newest survive', (t) => {
  const step = fc.record({
    ring: fc.nat({ max: 3 }), bytes: fc.integer({ min: 1, max: 60 }), restart: fc.integer({ min: 0, max: 9 })
  })
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const budget = new RingBudget(150)
    const rings = Array.from({ length: 4 }, () => newRing(10, 100, place(0), budget))
    let byUse: Ring[] = []
    for (const { ring: index, bytes, restart } of steps) {
      const ring = rings[index]!
      const tops = rings.map(({ top }) => top.seq)
      byUse = byUse.filter((one) => one !== ring)
      if (restart === 0) ring.restart(place(tops[index]!))
      else {
        ring.push(sent(tops[index]! + 1, 'a', bytes))
        byUse.push(ring)
        tops[index]!++
      }
      assert.deepEqual(rings.map(({ top }) => top.seq), tops)
      assert.equal(budget.bytes, rings.reduce((sum, one) => sum + one.bytes, 0))
      assert.ok(budget.bytes <= 150)
      const kept = byUse.map((one) => one.bytes > 0)
      assert.deepEqual(kept, [...kept].sort((a, b) => Number(a) - Number(b)))
    }
  }), { numRuns: 300 })
  t.end()
})

t.test('it does what the plain model does', (t) => {
  const push = fc.record({
    do: fc.constant('push' as const),
    bytes: fc.integer({ min: 1, max: 60 }),
    jump: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) }),
    fork: fc.oneof({ weight: 9, arbitrary: fc.constant('a') }, { weight: 1, arbitrary: fc.constant('b') })
  })
  const restart = fc.record({ do: fc.constant('restart' as const), seq: fc.nat({ max: 9 }), fork: fc.constantFrom('a', 'b') })
  const steps = fc.array(fc.oneof({ weight: 8, arbitrary: push }, { weight: 1, arbitrary: restart }), { maxLength: 30 })
  const bounds = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 150 }))
  fc.assert(fc.property(steps, bounds, (todo, [maxEntries, maxBytes]) => {
    const ring = newRing(maxEntries, maxBytes)
    const model = new Model(place(0))
    for (const step of todo) {
      if (step.do === 'restart') for (const one of [ring, model]) one.restart(place(step.seq, step.fork))
      else {
        const next = sent(ring.top.seq + 1 + step.jump, step.fork, step.bytes)
        ring.push(next)
        model.push(next, maxEntries, maxBytes)
      }
      assert.ok(sameCursor(ring.top, model.places.at(-1)!))
      assert.equal(ring.bytes, model.bytes)
      for (let seq = 0; seq <= ring.top.seq + 1; seq++) {
        for (const at of [place(seq), place(seq, 'b')]) {
          assert.deepEqual(numbers(ring.after(at)), numbers(model.after(at)))
          assert.equal(ring.agrees(at), model.agrees(at))
        }
      }
    }
  }), { numRuns: 300 })
  t.end()
})

t.test('the newest frames up to a place, where they are all here', (t) => {
  const ring = ringOf(4, 9)
  t.strictSame(numbers(ring.last(2, place(9))), [8, 9])
  t.strictSame(numbers(ring.last(2, place(7))), [6, 7])
  t.strictSame(numbers(ring.last(6, place(9))), [4, 5, 6, 7, 8, 9])
  t.equal(ring.last(7, place(9)), undefined, 'the log may have one more')
  t.equal(ring.last(1, place(9, 'b')), undefined)
  t.equal(ring.last(1, place(10)), undefined)
  t.strictSame(numbers(ring.last(0, place(3))), [])
  t.end()
})

t.test('where the ring is the whole log, fewer are all there are', (t) => {
  t.strictSame(numbers(ringOf(1, 3).last(10, place(3))), [1, 2, 3], 'from the first one on')
  t.strictSame(numbers(ringOf(4, 9, 6).last(10, place(9))), [4, 5, 6, 7, 8, 9], 'as many as the log keeps')
  t.equal(ringOf(4, 8, 6).last(10, place(8)), undefined)
  t.equal(ringOf(5, 6, 1).last(1, place(5)), undefined, 'what it keeps is newer: the log may have the one before')
  t.end()
})

t.test('a ring holds 500 frames at most, and does not take them for the whole of a longer log', (t) => {
  const ring = ringOf(2, 601, 10_000)
  t.equal(ring.after(place(100)), undefined)
  t.equal(ring.after(place(101))?.length, 500)
  t.equal(ring.last(500, place(601))?.length, 500)
  t.equal(ring.last(501, place(601)), undefined)
  t.end()
})

t.test('what is older than the log keeps it is not told any more', (t) => {
  const time = new FakeTime(t)
  const ring = new Ring(place(5), { maxEntries: 10, maxAgeMs: 1_000 }, 1_000, new RingBudget(Infinity))
  ring.push(sent(6), 400)
  ring.push(sent(7), 300)
  time.pass(500)
  ring.push(sent(8))
  t.strictSame(numbers(ring.after(place(5))), [6, 7, 8])
  t.equal(ring.last(9, place(8)), undefined)
  time.pass(100)
  t.equal(ring.after(place(5)), undefined, 'one of those is gone: the log says so')
  t.strictSame(numbers(ring.after(place(6))), [7, 8])
  t.strictSame(numbers(ring.last(9, place(8))), [7, 8], 'and what came before it is, too')
  time.pass(10_000)
  t.strictSame(numbers(ring.after(place(8))), [], 'who is at the top has missed nothing')
  t.strictSame(numbers(ring.last(9, place(8))), [])
  t.end()
})

t.test('what was read of before is put in front, where it leads up to the base', (t) => {
  const ring = ringOf(6, 8)
  const older = (first: number, last: number, fork = 'a'): Sent[] =>
    Array.from({ length: last - first + 1 }, (_, index) => sent(first + index, fork))
  ring.prepend(older(1, 4), NOON)
  t.equal(ring.after(place(4)), undefined, '5 is missing')
  ring.prepend(older(1, 5, 'b'), NOON)
  t.equal(ring.after(place(4)), undefined, 'another log')
  ring.prepend(older(3, 7), NOON)
  t.strictSame(numbers(ring.after(place(2))), [3, 4, 5, 6, 7, 8])
  t.equal(ring.after(place(1)), undefined)
  ring.push(sent(9))
  t.strictSame(numbers(ring.after(place(2))), [3, 4, 5, 6, 7, 8, 9])
  t.end()
})

t.test('no more is put in front than there is room for, and its age counts', (t) => {
  const time = new FakeTime(t)
  const budget = new RingBudget(Infinity)
  const ring = new Ring(place(5), { maxEntries: 4, maxAgeMs: 1_000 }, 100, budget)
  ring.push(sent(6))
  ring.prepend([1, 2, 3, 4, 5].map((seq) => sent(seq)), NOON + 600)
  t.strictSame(numbers(ring.after(place(2))), [3, 4, 5, 6])
  t.equal(ring.after(place(1)), undefined)
  t.equal(budget.bytes, 4)
  time.pass(400)
  t.equal(ring.after(place(2)), undefined)
  t.strictSame(numbers(ring.after(place(5))), [6])
  const large = new Ring(place(2), { maxEntries: 10, maxAgeMs: 0 }, 100, budget)
  large.prepend([sent(1, 'a', 60), sent(2, 'a', 60)], NOON)
  t.strictSame(numbers(large.after(place(1))), [2])
  t.equal(large.after(place(0)), undefined)
  t.end()
})
