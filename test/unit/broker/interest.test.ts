import t from 'tap'
import type { Broker } from '../../../src/broker/broker.ts'
import { type Followed, Interest } from '../../../src/broker/interest.ts'
import { BrokerError } from '../../../src/protocol/codes.ts'
import type { Envelope } from '../../../src/protocol/entry.ts'
import { Deferred, entry, FakeTime, heard, turn } from '../fakes.ts'

const LINGER_MS = 10_000

/** A broker and the rooms behind it, which write down what happens to them, in order. */
class World {
  readonly steps: string[] = []
  readonly envelopes: Array<readonly [string, Envelope]> = []
  /** What a step waits for, by its name; what is not in here goes through at once. */
  readonly holds = new Map<string, Promise<void>>()
  readonly interest: Interest

  constructor (lingerMs = LINGER_MS) {
    const broker: Broker = {
      start: () => {},
      isUp: true,
      subscribe: async (room) => { await this.#step(`subscribe ${room}`) },
      unsubscribe: async (room) => { await this.#step(`unsubscribe ${room}`) },
      publish: async () => 'published',
      stop: async () => {}
    }
    this.interest = new Interest(broker, (room) => this.#follow(room), lingerMs)
  }

  #follow (room: string): Followed {
    return {
      start: async () => { await this.#step(`start ${room}`) },
      receive: (envelope) => { this.envelopes.push([room, envelope]) },
      restore: async () => { await this.#step(`restore ${room}`) },
      stop: () => { this.steps.push(`stop ${room}`) }
    }
  }

  async #step (name: string): Promise<void> {
    this.steps.push(name)
    await this.holds.get(name)
    this.steps.push(`${name}: done`)
  }

  hold (step: string): Deferred {
    const deferred = new Deferred()
    this.holds.set(step, deferred.promise)
    return deferred
  }

  /** The steps so far, without the ends of those that were not held. */
  get begun (): string[] {
    return this.steps.filter((step) => !step.endsWith(': done'))
  }
}

/** True once the promise is settled. */
function watch (promise: Promise<void>): { settled: boolean } {
  const state = { settled: false }
  promise.then(() => { state.settled = true }, () => { state.settled = true })
  return state
}

t.test('acquire resolves when the subscription is confirmed and the room has started, in this order', async (t) => {
  const world = new World()
  const subscribed = world.hold('subscribe a')
  const started = world.hold('start a')
  const acquired = world.interest.acquire('a')
  const state = watch(acquired)
  await turn()
  t.strictSame(world.steps, ['subscribe a'])
  subscribed.resolve()
  await turn()
  t.strictSame(world.steps, ['subscribe a', 'subscribe a: done', 'start a'])
  t.notOk(state.settled)
  started.resolve()
  await acquired
})

t.test('acquires at the same time share one subscription', async (t) => {
  const world = new World()
  const subscribed = world.hold('subscribe a')
  const acquired = Promise.all([world.interest.acquire('a'), world.interest.acquire('a')])
  subscribed.resolve()
  await acquired
  await world.interest.acquire('a')
  t.strictSame(world.begun, ['subscribe a', 'start a'])
})

t.test('rooms open each on their own', async (t) => {
  const world = new World()
  const subscribed = world.hold('subscribe a')
  const waiting = world.interest.acquire('a')
  await world.interest.acquire('b')
  t.strictSame(world.steps.at(-1), 'start b: done')
  subscribed.resolve()
  await waiting
})

t.test('a room is left when it has lingered behind its last user', async (t) => {
  const time = new FakeTime(t)
  const world = new World()
  await world.interest.acquire('a')
  await world.interest.acquire('a')
  world.interest.release('a')
  t.equal(time.timers, 0)
  world.interest.release('a')
  time.pass(LINGER_MS - 1)
  t.strictSame(world.begun, ['subscribe a', 'start a'])
  time.pass(1)
  t.strictSame(world.begun, ['subscribe a', 'start a', 'stop a', 'unsubscribe a'])
})

t.test('an acquire while the room lingers keeps it', async (t) => {
  const time = new FakeTime(t)
  const world = new World()
  await world.interest.acquire('a')
  world.interest.release('a')
  time.pass(LINGER_MS - 1)
  await world.interest.acquire('a')
  time.pass(LINGER_MS)
  t.strictSame(world.begun, ['subscribe a', 'start a'])
  world.interest.release('a')
  time.pass(LINGER_MS - 1)
  t.strictSame(world.begun, ['subscribe a', 'start a'], 'and from its next user on it lingers anew')
  time.pass(1)
  t.strictSame(world.begun.at(-2), 'stop a')
})

t.test('each room lingers by itself, and no timer is left of them', async (t) => {
  const time = new FakeTime(t)
  const world = new World()
  for (const room of ['a', 'b', 'c']) await world.interest.acquire(room)
  world.steps.length = 0
  world.interest.release('c')
  time.pass(10)
  world.interest.release('a')
  world.interest.release('b')
  await world.interest.acquire('a')
  time.pass(LINGER_MS - 10)
  t.strictSame(world.begun, ['stop c', 'unsubscribe c'])
  time.pass(10)
  t.strictSame(world.begun.slice(2), ['stop b', 'unsubscribe b'])
  t.equal(time.timers, 0)
})

t.test('a room that was left is opened anew', async (t) => {
  const time = new FakeTime(t)
  const world = new World(0)
  await world.interest.acquire('a')
  world.interest.release('a')
  time.pass(0)
  await world.interest.acquire('a')
  t.strictSame(world.begun, ['subscribe a', 'start a', 'stop a', 'unsubscribe a', 'subscribe a', 'start a'])
})

t.test('B12 a room is not subscribed again before its unsubscribe is through', async (t) => {
  const time = new FakeTime(t)
  const world = new World(0)
  const unsubscribed = world.hold('unsubscribe a')
  await world.interest.acquire('a')
  world.interest.release('a')
  time.pass(0)
  const acquired = world.interest.acquire('a')
  await turn()
  t.equal(world.steps.at(-1), 'unsubscribe a')
  unsubscribed.resolve()
  await acquired
  t.strictSame(world.steps.slice(-5),
    ['unsubscribe a: done', 'subscribe a', 'subscribe a: done', 'start a', 'start a: done'])
})

t.test('an unsubscribe that fails does not keep the room closed', async (t) => {
  const time = new FakeTime(t)
  const world = new World(0)
  world.holds.set('unsubscribe a', Promise.reject(new BrokerError('unavailable')))
  await world.interest.acquire('a')
  world.interest.release('a')
  time.pass(0)
  await world.interest.acquire('a')
  t.equal(world.steps.at(-1), 'start a: done')
})

t.test('where subscribing fails, everyone who waits for it is told', async (t) => {
  const world = new World()
  const subscribed = world.hold('subscribe a')
  const acquires = [world.interest.acquire('a'), world.interest.acquire('a')]
  const settled = Promise.allSettled(acquires)
  subscribed.reject(new BrokerError('unavailable'))
  t.match(await settled, [{ reason: { reason: 'unavailable' } }, { reason: { reason: 'unavailable' } }])
  t.strictSame(world.begun, ['subscribe a', 'stop a', 'unsubscribe a'])
})

t.test('the next acquire after a failed one tries anew', async (t) => {
  const world = new World()
  for (const step of ['subscribe a', 'start a']) {
    world.holds.set(step, Promise.reject(new BrokerError('unavailable')))
    await t.rejects(world.interest.acquire('a'), new BrokerError('unavailable'))
    world.holds.delete(step)
  }
  world.steps.length = 0
  await world.interest.acquire('a')
  t.strictSame(world.begun, ['subscribe a', 'start a'])
})

t.test('what is heard goes to its own room, from the subscription on', async (t) => {
  const world = new World()
  const started = world.hold('start a')
  const acquired = world.interest.acquire('a')
  await turn()
  await world.interest.acquire('b')
  const envelope = heard(entry(1))
  world.interest.onEnvelope('a', envelope)
  world.interest.onEnvelope('nobody', envelope)
  t.strictSame(world.envelopes, [['a', envelope]])
  started.resolve()
  await acquired
})

t.test('what is heard of a room that was left goes nowhere', async (t) => {
  const time = new FakeTime(t)
  const world = new World(0)
  await world.interest.acquire('a')
  world.interest.release('a')
  world.interest.onEnvelope('a', heard(entry(1)))
  t.equal(world.envelopes.length, 1, 'while it lingers it is in step still')
  time.pass(0)
  world.interest.onEnvelope('a', heard(entry(2)))
  t.equal(world.envelopes.length, 1)
})

t.test('after a lost connection the rooms that are followed are restored', async (t) => {
  const world = new World()
  for (const room of ['a', 'b', 'c']) await world.interest.acquire(room)
  world.steps.length = 0
  world.interest.onRestored(['a', 'nobody', 'c'])
  await turn()
  t.strictSame(world.begun, ['restore a', 'restore c'])
})

t.test('at most 32 rooms are restored at once, and all of them in the end', async (t) => {
  const world = new World()
  const rooms = Array.from({ length: 100 }, (_, index) => `r${index}`)
  for (const room of rooms) await world.interest.acquire(room)
  world.steps.length = 0
  const held = rooms.map((room) => world.hold(`restore ${room}`))
  world.interest.onRestored(rooms)
  await turn()
  t.equal(world.begun.length, 32)
  held[5]!.resolve()
  await turn()
  t.equal(world.begun.length, 33)
  for (const restored of held) restored.resolve()
  await turn()
  t.equal(world.steps.filter((step) => step.endsWith(': done')).length, 100)
})

t.test('however few are restored at once, each begins as soon as there is a place', async (t) => {
  for (const [count, begun] of [[2, 2], [10, 10], [31, 31], [32, 32], [33, 32], [40, 32]] as const) {
    const world = new World()
    const rooms = Array.from({ length: count }, (_, index) => `r${index}`)
    for (const room of rooms) await world.interest.acquire(room)
    world.steps.length = 0
    const held = rooms.map((room) => world.hold(`restore ${room}`))
    world.interest.onRestored(rooms)
    t.equal(world.begun.length, begun, `${count} rooms`)
    for (const restored of held) restored.resolve()
    await turn()
    t.strictSame(world.begun, rooms.map((room) => `restore ${room}`))
  }
})

t.test('batches that come one after the other share the 32 places, and are taken up in order', async (t) => {
  const world = new World()
  const rooms = Array.from({ length: 70 }, (_, index) => `r${index}`)
  for (const room of rooms) await world.interest.acquire(room)
  world.steps.length = 0
  const held = rooms.map((room) => world.hold(`restore ${room}`))
  for (const [first, last] of [[0, 20], [20, 40], [40, 70]]) world.interest.onRestored(rooms.slice(first, last))
  await turn()
  t.strictSame(world.begun, rooms.slice(0, 32).map((room) => `restore ${room}`))
  for (const index of [31, 0]) held[index]!.resolve()
  await turn()
  t.strictSame(world.begun, rooms.slice(0, 34).map((room) => `restore ${room}`))
  for (const restored of held) restored.resolve()
  await turn()
  t.strictSame(world.begun, rooms.map((room) => `restore ${room}`))
  world.steps.length = 0
  world.holds.clear()
  world.interest.onRestored(['r1'])
  t.strictSame(world.begun, ['restore r1'], 'all places are free again')
})

t.test('a room that was left while it waited for its turn is not restored', async (t) => {
  const time = new FakeTime(t)
  const world = new World(0)
  const rooms = Array.from({ length: 34 }, (_, index) => `r${index}`)
  for (const room of rooms) await world.interest.acquire(room)
  world.steps.length = 0
  const held = rooms.map((room) => world.hold(`restore ${room}`))
  world.interest.onRestored(rooms)
  world.interest.release('r32')
  time.pass(0)
  for (const restored of held) restored.resolve()
  await turn()
  t.notOk(world.begun.includes('restore r32'))
  t.ok(world.begun.includes('restore r33'))
})

t.test('stop lets go of every room, and of every timer', async (t) => {
  const time = new FakeTime(t)
  const world = new World()
  await world.interest.acquire('a')
  await world.interest.acquire('b')
  world.interest.release('b')
  world.interest.stop()
  t.strictSame(world.begun.slice(-2), ['stop a', 'stop b'])
  t.equal(time.timers, 0)
  world.interest.onEnvelope('a', heard(entry(1)))
  t.strictSame(world.envelopes, [])
})

t.test('of rooms that nobody uses the one that was left first is given up to make room; of others none', async (t) => {
  const time = new FakeTime(t)
  const { interest, steps } = new World()
  for (const room of ['red', 'blue', 'green']) await interest.acquire(room)
  t.equal(interest.makeRoom(), false)
  for (const room of ['blue', 'red', 'green']) interest.release(room)
  await interest.acquire('blue')
  steps.length = 0
  t.equal(interest.makeRoom(), true)
  t.match(steps, ['stop red', 'unsubscribe red'])
  t.equal(interest.makeRoom(), true)
  t.equal(interest.makeRoom(), false)
  await turn()
  await interest.acquire('red')
  t.ok(steps.includes('start red'), 'it can be followed anew')
  const { length } = steps
  time.pass(LINGER_MS)
  t.equal(steps.length, length, 'and what it lingered for is nothing to it any more')
})
