import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Sent } from '../../../src/hub/frame.ts'
import { Ring } from '../../../src/hub/ring.ts'
import { type Cursor, sameCursor } from '../../../src/protocol/cursor.ts'
import { entry, place } from '../fakes.ts'

function sent (seq: number, fork = 'a', bytes = 1): Sent {
  return { ...entry(seq, fork), frame: new Uint8Array(bytes) }
}

function ringOf (first: number, last: number, maxEntries = 100): Ring {
  const ring = new Ring(place(first - 1), maxEntries, 1_000_000)
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

  push (one: Sent, maxEntries: number, maxBytes: number): void {
    this.#frames.push(one)
    const bytes = (): number => this.#frames.reduce((sum, { frame }) => sum + frame.length, 0)
    while (this.#frames.length > maxEntries || (bytes() > maxBytes && this.#frames.length > 1)) {
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
  const ring = new Ring(place(7), 10, 100)
  t.strictSame(ring.top, place(7))
  t.strictSame(ring.after(place(7)), [])
  t.strictSame(ring.newest(), [])
  t.end()
})

t.test('the frames after a place are those that came after it', (t) => {
  const ring = ringOf(1, 5)
  t.strictSame(numbers(ring.after(place(0))), [1, 2, 3, 4, 5])
  t.strictSame(numbers(ring.after(place(3))), [4, 5])
  t.strictSame(numbers(ring.after(place(5))), [])
  t.strictSame(numbers(ring.newest()), [5])
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
  const ring = new Ring(place(0), 100, 100)
  for (let seq = 1; seq <= 3; seq++) ring.push(sent(seq, 'a', 40))
  t.equal(ring.after(place(0)), undefined)
  t.strictSame(numbers(ring.after(place(1))), [2, 3])
  t.end()
})

t.test('one frame is kept however large it is', (t) => {
  const ring = new Ring(place(0), 100, 100)
  ring.push(sent(1, 'a', 5_000))
  t.strictSame(numbers(ring.newest()), [1])
  ring.push(sent(2, 'a', 10))
  t.strictSame(numbers(ring.after(place(1))), [2])
  t.end()
})

t.test('restart forgets the frames, and their bytes', (t) => {
  const ring = new Ring(place(0), 100, 100)
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

t.test('it does what the plain model does', (t) => {
  const push = fc.record({ do: fc.constant('push' as const), bytes: fc.integer({ min: 1, max: 60 }) })
  const restart = fc.record({ do: fc.constant('restart' as const), seq: fc.nat({ max: 9 }), fork: fc.constantFrom('a', 'b') })
  const steps = fc.array(fc.oneof({ weight: 8, arbitrary: push }, { weight: 1, arbitrary: restart }), { maxLength: 30 })
  const bounds = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 150 }))
  fc.assert(fc.property(steps, bounds, (todo, [maxEntries, maxBytes]) => {
    const ring = new Ring(place(0), maxEntries, maxBytes)
    const model = new Model(place(0))
    let fork = 'a'
    for (const step of todo) {
      if (step.do === 'restart') {
        fork = step.fork
        for (const one of [ring, model]) one.restart(place(step.seq, fork))
      } else {
        const next = sent(ring.top.seq + 1, fork, step.bytes)
        ring.push(next)
        model.push(next, maxEntries, maxBytes)
      }
      assert.ok(sameCursor(ring.top, model.places.at(-1)!))
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
