import assert from 'node:assert/strict'
import { signal, type World } from '../helpers/replicas.ts'
import type { Clause } from './contract.ts'

const MARK = '"mark"'

/**
 * Proves absence without waiting: a marker is published after everything else, in a room that both replicas
 * follow, and messages of one publisher come in order.
 */
async function settle ({ a, b }: World): Promise<void> {
  await Promise.all([a, b].map((replica) => replica.broker.subscribe('marks')))
  await b.broker.publish('marks', signal(MARK))
  await Promise.all([a, b].map((replica) => replica.hears('marks', MARK)))
}

export const leaks: Clause = {
  name: 'a message reaches the subscribers of its room and of no other',
  check: async (world) => {
    const { a, b } = world
    await a.broker.subscribe('red')
    await b.broker.subscribe('blue')
    await a.broker.subscribe('red:1')
    await b.broker.publish('red', signal('"for red"'))
    await a.broker.publish('blue', signal('"for blue"'))
    await settle(world)
    await b.hears('blue', '"for blue"')
    assert.deepEqual(a.of('red'), ['"for red"'])
    assert.deepEqual(a.of('red:1'), [])
    assert.deepEqual(a.of('blue'), [])
    assert.deepEqual(b.of('blue'), ['"for blue"'])
    assert.deepEqual(b.of('red'), [])
  }
}

export const unsubscribes: Clause = {
  name: 'after unsubscribe has resolved, nothing more of the room is heard',
  check: async (world) => {
    const { a, b } = world
    await a.broker.subscribe('red')
    await b.broker.publish('red', signal('1'))
    await a.hears('red', '1')
    await a.broker.unsubscribe('red')
    await b.broker.publish('red', signal('2'))
    await settle(world)
    assert.deepEqual(a.of('red'), ['1'])
  }
}

export const orders: Clause = {
  name: 'two replicas that publish at once hear one order',
  check: async (world) => {
    const { a, b } = world
    await Promise.all([a, b].map((replica) => replica.broker.subscribe('red')))
    const numbers = Array.from({ length: 200 }, (_, index) => index)
    await Promise.all(numbers.flatMap((n) => [
      a.broker.publish('red', signal(`"a${n}"`)), b.broker.publish('red', signal(`"b${n}"`))
    ]))
    await settle(world)
    assert.equal(a.of('red').length, 400)
    assert.deepEqual(a.of('red'), b.of('red'))
  }
}

export const confirms: Clause = {
  name: 'subscribe resolves when the subscription is live: what is published next is heard',
  check: async (world) => {
    const { a, b } = world
    await settle(world)
    for (let n = 0; n < 50; n++) {
      await a.broker.subscribe(`room-${n}`)
      await b.broker.publish(`room-${n}`, signal(String(n)))
    }
    await b.broker.publish('marks', signal('"end"'))
    await a.hears('marks', '"end"')
    for (let n = 0; n < 50; n++) assert.deepEqual(a.of(`room-${n}`), [String(n)], `room-${n}`)
  }
}

export const brokerContract: readonly Clause[] = [
  leaks,
  unsubscribes,
  orders,
  confirms,
  {
    name: 'the publisher hears its own message, from outside its own call',
    check: async ({ a }) => {
      await a.broker.subscribe('red')
      const published = a.broker.publish('red', signal('1'))
      assert.deepEqual(a.of('red'), [])
      assert.equal(await published, 'published')
      await a.hears('red', '1')
    }
  },
  {
    name: 'content, sender and exception arrive as they were sent, byte for byte',
    check: async ({ a, b }) => {
      await a.broker.subscribe('red')
      const content = '{ "a" : 1.0,\n\t"ü": "€ \\u0000 😀", "big": 12345678901234567890 }'
      await b.broker.publish('red', { ...signal(content), from: '"an\\n\\tn 😀"', except: 'c_1' })
      await a.hears('red', content)
      const { envelope } = a.heard[0]!
      assert.equal(envelope.kind, 'signal')
      assert.ok(envelope.kind === 'signal')
      assert.equal(envelope.signal.from, '"an\\n\\tn 😀"')
      assert.equal(envelope.signal.except, 'c_1')
      assert.equal(envelope.signal.timestampMs, 1_700_000_000_000)
    }
  },
  {
    name: 'a large message arrives whole',
    check: async ({ a, b }) => {
      await a.broker.subscribe('red')
      const content = JSON.stringify('x'.repeat(300_000))
      await b.broker.publish('red', signal(content))
      await a.hears('red', content)
    }
  },
  {
    name: 'names that look like members of an object are names like any other',
    check: async (world) => {
      const { a, b } = world
      for (const room of ['constructor', 'toString', 'hasOwnProperty', 'a.b:c=d@e-f_']) {
        await a.broker.subscribe(room)
        await b.broker.publish(room, signal(JSON.stringify(room)))
        await a.hears(room, JSON.stringify(room))
      }
    }
  },
  {
    name: 'a key publishes once on whichever replica; with other content it is refused; scopes are apart',
    check: async (world) => {
      const { a, b } = world
      const key = { scope: 'user:ann', key: 'k1' }
      await a.broker.subscribe('red')
      assert.equal(await a.broker.publish('red', signal('1'), key), 'published')
      assert.equal(await b.broker.publish('red', signal('1'), key), 'duplicate')
      assert.equal(await b.broker.publish('red', signal('2'), key), 'key_reused')
      assert.equal(await b.broker.publish('red', signal('3'), { ...key, scope: 'user:bob' }), 'published')
      assert.equal(await b.broker.publish('blue', signal('4'), key), 'published')
      await settle(world)
      assert.deepEqual(a.of('red'), ['1', '3'])
    }
  },
  {
    name: 'subscribing and leaving, over and over, ends as the last call says',
    check: async (world) => {
      const { a, b } = world
      for (let n = 0; n < 20; n++) {
        await a.broker.subscribe('red')
        await a.broker.unsubscribe('red')
      }
      await a.broker.subscribe('red')
      await b.broker.publish('red', signal('1'))
      await settle(world)
      assert.deepEqual(a.of('red'), ['1'])
    }
  }
]
