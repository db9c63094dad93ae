import assert from 'node:assert/strict'
import type { Holding, Presence } from '../../src/presence/presence.ts'
import type { Clause } from './contract.ts'

function here (user: string, connections = 1, room = 'general', info?: string): Holding {
  return { room, user, connections, info }
}

function gone (user: string, room = 'general'): Holding {
  return { room, user, connections: undefined }
}

async function membersOf (presence: Presence, room = 'general'): Promise<string[]> {
  const { count, members } = await presence.members(room)
  assert.equal(count, members.length)
  return members.map(({ user, connections, info }) => [user, connections, info].filter((part) => part !== undefined).join(' '))
}

export const presenceContract: readonly Clause[] = [
  {
    name: 'who is in a room on any replica is a member on every one, with the connections of all',
    check: async ({ a, b }) => {
      for (const { presence } of [a, b]) presence.start(() => {})
      await a.presence.put([here('ann', 2), here('bob')])
      await b.presence.put([here('ann', 3), here('carl', 1, 'other')])
      for (const { presence } of [a, b]) {
        assert.deepEqual(await membersOf(presence), ['ann 5', 'bob 1'])
        assert.deepEqual(await membersOf(presence, 'other'), ['carl 1'])
        assert.deepEqual(await membersOf(presence, 'empty'), [])
      }
    }
  },
  {
    name: 'a user is told of when the first connection comes, and when the last one goes, on any replica',
    check: async ({ a, b }) => {
      for (const { presence } of [a, b]) presence.start(() => {})
      await b.broker.subscribe('general')
      await a.presence.put([here('ann')])
      await b.presence.put([here('ann'), here('bob')])
      await a.presence.put([here('ann', 2)])
      await a.presence.put([gone('ann')])
      await b.presence.put([gone('ann')])
      await b.hears('general', '-ann =1')
      assert.deepEqual(b.of('general'), ['+ann =1', '+bob =2', '-ann =1'])
    }
  },
  {
    name: 'to put the same again changes nothing, and tells nobody',
    check: async ({ a, b }) => {
      a.presence.start(() => {})
      await b.broker.subscribe('general')
      for (let n = 0; n < 3; n++) await a.presence.put([here('ann', 2), gone('gone')])
      await a.presence.put([here('last')])
      await b.hears('general', '+last =2')
      assert.deepEqual(b.of('general'), ['+ann =1', '+last =2'])
      assert.deepEqual(await membersOf(a.presence), ['ann 2', 'last 1'])
    }
  },
  {
    name: 'what comes and goes in one put is told at once, each room for itself',
    check: async ({ a, b }) => {
      a.presence.start(() => {})
      await Promise.all(['general', 'other'].map((room) => b.broker.subscribe(room)))
      await a.presence.put([here('ann'), here('bob'), here('carl', 1, 'other')])
      await a.presence.put([here('dora'), gone('ann')])
      await b.hears('general', '+dora -ann =2')
      await b.hears('other', '+carl =1')
      assert.deepEqual(b.of('general'), ['+ann +bob =2', '+dora -ann =2'])
    }
  },
  {
    name: 'what a token says of a user travels along',
    check: async ({ a, b }) => {
      for (const { presence } of [a, b]) presence.start(() => {})
      await b.broker.subscribe('general')
      await a.presence.put([here('ann "x" é', 1, 'general', '{"name":"Ann L"}')])
      await b.hears('general', '+ann "x" é =1')
      const { envelope } = b.heard[0]!
      assert.ok(envelope.kind === 'presence')
      assert.deepEqual(envelope.change.joined, [{ user: 'ann "x" é', info: '{"name":"Ann L"}' }])
      assert.deepEqual(await membersOf(b.presence), ['ann "x" é 1 {"name":"Ann L"}'])
    }
  },
  {
    name: 'a user who was cut off is a member without a connection, until the replica gives up',
    check: async ({ a, b }) => {
      for (const { presence } of [a, b]) presence.start(() => {})
      await b.broker.subscribe('general')
      await a.presence.put([here('ann')])
      await a.presence.put([here('ann', 0)])
      assert.deepEqual(await membersOf(b.presence), ['ann 0'])
      await a.presence.put([gone('ann')])
      await b.hears('general', '-ann =0')
      assert.deepEqual(b.of('general'), ['+ann =1', '-ann =0'])
    }
  },
  {
    name: 'rooms with members are listed by name, page by page, over all replicas',
    check: async ({ a, b }) => {
      for (const { presence } of [a, b]) presence.start(() => {})
      await a.presence.put(['r3', 'r1', 'r5'].map((room) => here('ann', 1, room)))
      await b.presence.put(['r2', 'r1', 'r4'].map((room) => here('bob', 1, room)))
      await b.presence.put([gone('bob', 'r4'), { room: 'r6', user: undefined, connections: 7 }])
      assert.deepEqual(await a.presence.rooms('', 3), {
        rooms: [{ room: 'r1', members: 2 }, { room: 'r2', members: 1 }, { room: 'r3', members: 1 }], more: true
      })
      assert.deepEqual(await b.presence.rooms('r3', 3), {
        rooms: [{ room: 'r5', members: 1 }, { room: 'r6', members: 7 }], more: false
      })
      assert.deepEqual(await b.presence.rooms('r6', 3), { rooms: [], more: false })
    }
  },
  {
    name: 'rooms whose users are not told of tell nobody',
    check: async ({ a, b }) => {
      a.presence.start(() => {})
      await b.broker.subscribe('live:g')
      await a.presence.put([{ room: 'live:g', user: undefined, connections: 2 }])
      await a.presence.put([{ room: 'live:g', user: undefined, connections: undefined }])
      await a.presence.put([here('ann', 1, 'live:g')])
      await b.hears('live:g', '+ann =1')
      assert.deepEqual(b.of('live:g'), ['+ann =1'])
      assert.deepEqual(await membersOf(a.presence, 'live:g'), ['ann 1'])
    }
  },
  {
    name: 'a replica that ends takes its members with it',
    check: async ({ a, b }) => {
      for (const { presence } of [a, b]) presence.start(() => {})
      await b.broker.subscribe('general')
      await b.presence.put([here('bob')])
      await a.presence.put([here('ann'), here('bob')])
      await a.presence.stop(50)
      await b.hears('general', '-ann =1')
      assert.deepEqual(await membersOf(b.presence), ['bob 1'])
      assert.deepEqual(b.of('general'), ['+bob =1', '+ann =2', '-ann =1'])
    }
  },
  {
    name: 'of replicas that end at the same time nothing is left, though each leaves its members a grace',
    check: async ({ a, b }) => {
      for (const { presence } of [a, b]) presence.start(() => {})
      await a.presence.put([here('ann'), here('bob')])
      await b.presence.put([here('bob'), here('carl', 1, 'other')])
      await a.presence.stop(60_000)
      await b.presence.stop(60_000)
      assert.deepEqual(await membersOf(b.presence), [])
      assert.deepEqual(await b.presence.rooms('', 10), { rooms: [], more: false })
    }
  },
  {
    name: 'five thousand users of a room are put and read, each once',
    check: async ({ a, b }) => {
      for (const { presence } of [a, b]) presence.start(() => {})
      const users = Array.from({ length: 5_000 }, (_, n) => `user-${String(n).padStart(4, '0')}`)
      for (let at = 0; at < users.length; at += 250) {
        await (at % 500 === 0 ? a : b).presence.put(users.slice(at, at + 250).map((user) => here(user)))
      }
      assert.deepEqual((await b.presence.members('general')).members.map(({ user }) => user), users)
    }
  }
]
