import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { Holding } from '../../src/presence/presence.ts'
import type { QueuedEvent, Taken } from '../../src/webhooks/queue.ts'
import { LEASE_MS, type TestReplica } from '../helpers/replicas.ts'
import type { Clause } from './contract.ts'

const LIMITS = { maxEvents: 1_000, maxBytes: 1_000_000 }

function here (user: string, room = 'general', info?: string): Holding {
  return { room, user, connections: 1, info }
}

function gone (user: string, room = 'general'): Holding {
  return { room, user, connections: undefined }
}

/** Of a room whose users are only counted. */
function some (connections: number | undefined, room = 'live:g'): Holding {
  return { room, user: undefined, connections }
}

async function take ({ events }: TestReplica, limits = LIMITS): Promise<Taken> {
  const taken = await events.take(limits)
  assert.ok(taken, 'it is the one that delivers')
  return taken
}

/** What was taken has been delivered. */
async function deliver (replica: TestReplica, taken: Taken): Promise<void> {
  await replica.events.done(taken.events.at(-1)!)
}

/** As short as a person would write it. */
function textOf ({ body }: QueuedEvent): string {
  const { type, room, user, count } = JSON.parse(`{${body}}`) as Record<string, string | number>
  return [type, room, user, count].filter((part) => part !== undefined).join(' ')
}

async function told (replica: TestReplica): Promise<string[]> {
  return (await take(replica)).events.map(textOf)
}

function people (count: number): Holding[] {
  return Array.from({ length: count }, (_, n) => here(`user-${n}`, 'hall'))
}

/** What every queue of events must do, together with the presence that appends to it. */
export const eventsContract: readonly Clause[] = [
  {
    name: 'a room is occupied by the first user of any replica and vacated by the last, and in between users join and leave',
    check: async ({ a, b }) => {
      await a.presence.put([here('ann')])
      await b.presence.put([here('ann'), here('bob')])
      await a.presence.put([gone('ann')])
      await b.presence.put([gone('ann')])
      await b.presence.put([gone('bob')])
      await b.presence.put([gone('bob')])
      assert.deepEqual(await told(a), [
        'room.occupied general', 'member.joined general ann 1', 'member.joined general bob 2', 'member.left general ann 1',
        'member.left general bob 0', 'room.vacated general'
      ])
    }
  },
  {
    name: 'a room whose users are only counted is occupied and vacated, over all replicas',
    check: async ({ a, b }) => {
      await a.presence.put([some(2)])
      await b.presence.put([some(1)])
      await a.presence.put([some(undefined)])
      await b.presence.put([some(7)])
      const first = await take(b)
      assert.deepEqual(first.events.map(textOf), ['room.occupied live:g'])
      await b.presence.put([some(undefined)])
      await a.presence.put([some(1), here('ann')])
      await deliver(b, first)
      assert.deepEqual(await told(b), [
        'room.vacated live:g', 'room.occupied live:g', 'room.occupied general', 'member.joined general ann 1'
      ])
    }
  },
  {
    name: 'an event is whole JSON: its room, its user, what a token says of that one; with an id and a time of its own',
    check: async ({ a }) => {
      const beforeMs = Date.now()
      await a.presence.put([here('ann "x" é\\', 'chat:1', '{"name":"Ann","n":1.0}')])
      const { events, nowMs } = await take(a)
      assert.deepEqual(events.map(({ body }) => body), [
        '"type":"room.occupied","room":"chat:1"',
        '"type":"member.joined","room":"chat:1","user":"ann \\"x\\" é\\\\","info":{"name":"Ann","n":1.0},"count":1'
      ])
      assert.deepEqual(events.map(({ number }) => number), [1, 2])
      assert.equal(new Set(events.map(({ id }) => id)).size, 2)
      for (const { id, timestampMs } of events) {
        assert.match(id, /^[\w-]{10,80}$/)
        assert.ok(Math.abs(timestampMs - beforeMs) < 5_000 && timestampMs <= nowMs)
      }
    }
  },
  {
    name: 'only what is wanted of a room is kept',
    options: { wantedOf: (room) => room === 'quiet' ? '' : room === 'doors' ? 'ov' : 'jl' },
    check: async ({ a }) => {
      for (const room of ['quiet', 'doors', 'names']) await a.presence.put([here('ann', room)])
      await a.presence.put(['quiet', 'doors', 'names'].map((room) => gone('ann', room)))
      assert.deepEqual(await told(a), [
        'room.occupied doors', 'member.joined names ann 1', 'room.vacated doors', 'member.left names ann 0'
      ])
    }
  },
  {
    name: 'one replica delivers at a time, until it lets go of it or comes no more',
    check: async ({ a, b }) => {
      await a.presence.put([here('ann')])
      assert.equal((await take(a)).events.length, 2)
      assert.equal(await b.events.take(LIMITS), undefined)
      assert.equal(await b.events.keep(), false)
      assert.equal(await a.events.keep(), true)
      await a.events.release()
      assert.equal((await take(b)).events.length, 2)
      assert.equal(await a.events.take(LIMITS), undefined)
      await b.events.keep()
      await delay(LEASE_MS + 50)
      assert.equal((await take(a)).events.length, 2)
      await b.events.release()
      assert.equal(await b.events.take(LIMITS), undefined, 'who lost it cannot let go of it')
    }
  },
  {
    name: 'what was taken comes again, alone and the same, whoever takes it, until it is done',
    check: async ({ a, b }) => {
      await a.presence.put([here('ann')])
      const first = await take(a)
      await b.presence.put([here('bob')])
      assert.deepEqual((await take(a)).events, first.events)
      await a.events.release()
      const again = await take(b)
      assert.deepEqual(again.events, first.events)
      assert.equal(again.waiting, 3)
      await deliver(b, again)
      const rest = await take(b)
      assert.deepEqual(rest.events.map(textOf), ['member.joined general bob 2'])
      assert.equal(rest.waiting, 1)
      await deliver(b, rest)
      const none = await take(b)
      assert.deepEqual([none.events, none.waiting, none.oldestMs], [[], 0, undefined])
    }
  },
  {
    name: 'a late word that something is done undoes nothing of what came since',
    check: async ({ a, b }) => {
      await a.presence.put([here('ann')])
      const first = await take(a)
      await deliver(a, first)
      await a.events.release()
      await b.presence.put([here('bob'), here('carl')])
      assert.equal((await take(b)).events.length, 2)
      await b.events.failed(3, 0)
      await deliver(a, first)
      const { events, tries } = await take(b)
      assert.deepEqual(events.map(textOf), ['member.joined general bob 3', 'member.joined general carl 3'])
      assert.equal(tries, 3)
    }
  },
  {
    name: 'how often the target failed, and until when it rests, is known to whoever comes next',
    check: async ({ a, b }) => {
      await a.presence.put([here('ann')])
      await take(a)
      await a.events.failed(4, 600)
      await a.events.release()
      const resting = await take(b)
      assert.deepEqual([resting.events, resting.tries, resting.waiting], [[], 4, 2])
      assert.ok(resting.restMs > 300 && resting.restMs <= 600, `${resting.restMs} ms`)
      await delay(resting.restMs + 20)
      const due = await take(b)
      assert.equal(due.events.length, 2)
      await deliver(b, due)
      await b.presence.put([here('bob')])
      const { tries, restMs } = await take(b)
      assert.deepEqual([tries, restMs], [0, 0])
    }
  },
  {
    name: 'a batch has as many events as it may, and as many bytes, but one at least',
    check: async ({ a }) => {
      await a.presence.put(people(20))
      const next = async (maxEvents: number, maxBytes: number): Promise<number> => {
        const taken = await take(a, { maxEvents, maxBytes })
        await deliver(a, taken)
        return taken.events.length
      }
      assert.equal(await next(5, 1_000_000), 5)
      const few = await next(1_000, 200)
      assert.ok(few >= 1 && few <= 3, `${few} events`)
      assert.equal(await next(1_000, 1), 1)
      assert.equal(await next(1_000, 1_000_000), 21 - 6 - few)
    }
  },
  {
    name: 'where too many wait the oldest are dropped, and each is counted once',
    options: { maxWaiting: 10 },
    check: async ({ a, b }) => {
      await a.presence.put(people(24))
      const first = await take(a, { maxEvents: 4, maxBytes: 1_000_000 })
      assert.deepEqual([first.dropped, first.waiting, first.events[0]!.number], [15, 10, 16])
      assert.equal((await take(a)).dropped, 0)
      // What is under way is cut off, too; it may have been delivered all the same.
      await a.presence.put(people(24).slice(0, 12).map(({ user, room }) => gone(user!, room)))
      await deliver(a, first)
      const { dropped, events } = await take(a)
      assert.deepEqual([dropped, events.length, events[0]!.number], [8, 10, 28])
      await a.events.release()
      assert.equal((await take(b)).dropped, 0)
    }
  },
  {
    name: 'what is cut off a batch that failed is dropped, and the rest of it comes again',
    options: { maxWaiting: 10 },
    check: async ({ a }) => {
      await a.presence.put(people(7))
      assert.equal((await take(a)).events.length, 8)
      await a.events.failed(1, 0)
      await a.presence.put(people(7).slice(0, 5).map(({ user, room }) => gone(user!, room)))
      const { dropped, events, waiting } = await take(a)
      assert.deepEqual([dropped, events.map(({ number }) => number), waiting], [3, [4, 5, 6, 7, 8], 10])
    }
  },
  {
    name: 'a replica that ends leaves events of what it held',
    check: async ({ a, b }) => {
      for (const { presence } of [a, b]) presence.start(() => {})
      await b.broker.subscribe('general')
      await b.presence.put([here('bob')])
      await a.presence.put([here('ann'), here('ann', 'alone'), some(3)])
      await a.presence.stop(50)
      await b.hears('general', '-ann =1')
      const events = await told(b)
      const left = events.slice(6).toSorted()
      assert.deepEqual(left, ['member.left alone ann 0', 'member.left general ann 1', 'room.vacated alone', 'room.vacated live:g'])
      assert.ok(events.indexOf('member.left alone ann 0') < events.indexOf('room.vacated alone'))
    }
  },
  {
    name: 'of a large room each who comes is told of once, in one order',
    check: async ({ a, b }) => {
      const users = people(3_000)
      for (let at = 0; at < users.length; at += 250) {
        await (at % 500 === 0 ? a : b).presence.put(users.slice(at, at + 250))
      }
      const names: string[] = []
      for (let last = 0; ;) {
        const taken = await take(a, { maxEvents: 250, maxBytes: 65_536 })
        const { events } = taken
        if (events.length === 0) break
        assert.equal(events[0]!.number, last + 1)
        last = events.at(-1)!.number
        names.push(...events.map(textOf).filter((text) => text.startsWith('member')).map((text) => text.split(' ')[2]!))
        await deliver(a, taken)
      }
      assert.deepEqual(names, users.map(({ user }) => user))
    }
  }
]
