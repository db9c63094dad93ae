import assert from 'node:assert/strict'
import { POSITION } from '../../src/protocol/rooms.ts'
import type { Clause } from './contract.ts'

export const positionContract: readonly Clause[] = [
  {
    name: 'the car stands at 0, and every move from any replica counts once',
    check: async ({ a, b }) => {
      assert.equal(await a.position.get(), 0)
      await Promise.all(Array.from({ length: 200 }, (_, n) => (n % 2 === 0 ? a : b).position.move(n - 50)))
      const sum = (199 * 200) / 2 - 200 * 50
      assert.equal(await a.position.get(), sum)
      assert.equal(await b.position.get(), sum)
    }
  },
  {
    name: 'every move is announced to every replica in the order in which it was made',
    check: async ({ a, b }) => {
      await Promise.all([a, b].map((replica) => replica.broker.subscribe(POSITION)))
      await Promise.all(Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? a : b).position.move(1)))
      await Promise.all([a, b].map((replica) => replica.hears(POSITION, '100')))
      const inOrder = Array.from({ length: 100 }, (_, n) => String(n + 1))
      assert.deepEqual(a.of(POSITION), inOrder)
      assert.deepEqual(b.of(POSITION), inOrder)
    }
  },
  {
    name: 'a move tells where the car came to stand, and where the room did',
    check: async ({ a, b }) => {
      const moved = await a.position.move(50)
      assert.ok(typeof moved === 'object')
      assert.deepEqual([moved.position, moved.cursor.seq, moved.duplicate], [50, 1, false])
      const back = await b.position.move(-75)
      assert.ok(typeof back === 'object')
      assert.deepEqual([back.position, back.cursor.seq], [-25, 2])
    }
  },
  {
    name: 'a move that would leave the bounds is refused, on whichever replica, and tells nobody',
    options: { bounds: { min: -10, max: 10 } },
    check: async ({ a, b }) => {
      await a.broker.subscribe(POSITION)
      const outcomes = await Promise.all(Array.from({ length: 30 }, (_, n) => (n % 2 === 0 ? a : b).position.move(1)))
      assert.equal(outcomes.filter((outcome) => outcome === 'out_of_range').length, 20)
      assert.equal(await b.position.move(-21), 'out_of_range')
      assert.equal(await b.position.get(), 10)
      await a.hears(POSITION, '10')
      assert.equal(a.of(POSITION).length, 10)
    }
  },
  {
    name: 'numbers stay exact up to the largest safe integer',
    check: async ({ a }) => {
      const largest = Number.MAX_SAFE_INTEGER
      const moved = await a.position.move(largest - 1)
      assert.ok(typeof moved === 'object')
      assert.equal(moved.position, largest - 1)
      assert.equal(await a.position.move(2), 'out_of_range')
      await a.position.move(1)
      assert.equal(await a.position.get(), largest)
    }
  },
  {
    name: 'a key moves the car once; with another delta it is refused',
    check: async ({ a, b }) => {
      const key = { scope: 'http', key: 'k1' }
      await a.position.move(50, key)
      await a.position.move(1)
      const again = await b.position.move(50, key)
      assert.ok(typeof again === 'object')
      assert.deepEqual([again.position, again.cursor.seq, again.duplicate], [50, 1, true])
      assert.equal(await b.position.move(49, key), 'key_reused')
      assert.equal(await a.position.get(), 51)
    }
  }
]
