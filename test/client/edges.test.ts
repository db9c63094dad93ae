import t, { type Test } from 'tap'
import { Client } from '../../src/client/client.ts'
import type { TidegateError } from '../../src/client/errors.ts'
import { realHost } from '../../src/client/host.ts'
import type { ConnectOptions, Message, State } from '../../src/client/types.ts'
import { seeded } from '../../bench/random.ts'
import { ScriptedGateway } from './scripted-gateway.ts'
import { VirtualTime } from './virtual-time.ts'

const HOUR_MS = 3_600_000

interface World { readonly time: VirtualTime, readonly gateway: ScriptedGateway, readonly client: Client }

function start (t: Test, options: ConnectOptions = {}): World {
  const time = new VirtualTime(seeded(1))
  const gateway = new ScriptedGateway(time)
  const client = new Client('ws://gateway/ws', { WebSocket: gateway.WebSocket, ...options }, time)
  t.teardown(() => client.close())
  return { time, gateway, client }
}

t.test('an iterator that fell behind hands over what it has, without a hole, and then says so', async (t) => {
  const { time, gateway, client } = start(t)
  const messages = client.room('red')[Symbol.asyncIterator]()
  await time.run(100)
  const first = messages.next()
  gateway.say('red', 0)
  await time.run(100)
  const seen = [(await first).value as Message]
  for (let n = 1; n <= 1_001; n++) gateway.say('red', n)
  await time.run(100)
  seen.push((await messages.next()).value as Message)
  // There would be a place again, after one that had none.
  gateway.say('red', 'late')
  await time.run(100)
  const error = await (async () => {
    for await (const message of messages) seen.push(message)
    return undefined
  })().catch((error: TidegateError) => error)
  t.match(error, { reason: 'slow_consumer', cursor: seen.at(-1)!.cursor })
  t.strictSame(seen.map(({ seq }) => seq), seen.map((_message, index) => index + 1), 'one after the other')
  t.equal(seen.length, 1_001)
})

for (const text of ['null', '{"type":"message","room":"red","cursor":7}', '{"type":"broadcast","cursor":{}}', 'no JSON']) {
  t.test(`a frame that breaks the protocol ends a connection, not the process: ${text}`, async (t) => {
    const { time, gateway, client } = start(t)
    const told: unknown[] = []
    client.room('red').on('message', ({ content }) => told.push(content))
    await time.run(100)
    for (const connection of gateway.connections) connection.push(text)
    await time.run(1)
    gateway.say('red', 'meanwhile')
    await time.run(30_000)
    t.equal(gateway.dialled, 2)
    t.equal(client.state, 'online')
    t.strictSame(told, ['meanwhile'])
  })
}

t.test('close() in a listener is for good', async (t) => {
  for (const name of ['welcome', 'state'] as const) {
    const { time, client } = start(t)
    const states: State[] = []
    client.on('state', ({ state }) => states.push(state))
    client.on(name, () => client.close())
    await time.run(1_000)
    t.equal(client.state, 'closed', name)
    t.equal(states.at(-1), 'closed', name)
  }
})

t.test('after close() no timer is left: of a publish without an answer', async (t) => {
  const { time, gateway, client } = start(t)
  await time.run(100)
  for (const connection of gateway.connections) connection.isMuted = true
  const outcome = client.room('red', { join: false }).publish('x').catch((error: TidegateError) => error.reason)
  await time.run(12_000)
  gateway.script.dials.push('refused', 'refused', 'refused')
  client.close()
  t.equal(await outcome, 'unknown_outcome')
  t.equal(time.waiting, 0)
})

t.test('after close() no token is asked for, also where one is asked for just then', async (t) => {
  let asked = 0
  let fail: (error: Error) => void = () => {}
  const getToken = async (): Promise<string> => {
    if (++asked === 1) return 'first'
    return await new Promise((_resolve, reject) => { fail = reject })
  }
  const { time, gateway, client } = start(t, { getToken })
  gateway.tokenLifeMs = 20_000
  await time.run(18_000)
  t.equal(asked, 2)
  client.close()
  fail(new Error('away'))
  await time.run(HOUR_MS)
  t.equal(asked, 2)
  t.equal(time.waiting, 0)
})

t.test('where the gateway takes no fresh token, it is asked for one less and less often', async (t) => {
  const askedMs: number[] = []
  const { time, gateway } = start(t, {
    getToken: () => {
      askedMs.push(time.now())
      return 'one of somebody else'
    }
  })
  gateway.tokenLifeMs = 480_000
  gateway.isRefusingTokens = true
  await time.run(gateway.tokenLifeMs)
  t.ok(askedMs.length > 5, 'it goes on')
  t.ok(askedMs.length < 60, `asked ${askedMs.length} times`)
})

t.test('an iterator that begins after the end ends, too', async (t) => {
  const { time, client } = start(t)
  const [left, closed] = [client.room('left'), client.room('closed')]
  await time.run(100)
  left.leave()
  client.close()
  t.match(await left[Symbol.asyncIterator]().next(), { done: true })
  t.match(await closed[Symbol.asyncIterator]().next(), { done: true })
  t.match(await closed.publish('x').catch((error: TidegateError) => error), { reason: 'closed' })
})

t.test('a timer of more than 24 days, which would overflow, is not one of no time at all', async (t) => {
  const host = realHost()
  let isDue = false
  const timer = host.setTimeout(() => { isDue = true }, 1e12)
  t.teardown(() => host.clearTimeout(timer))
  await new Promise((resolve) => { setTimeout(resolve, 20) })
  t.notOk(isDue)
})

t.test('a room is the same until it is left', async (t) => {
  const { time, client } = start(t)
  const room = client.room('red')
  t.equal(client.room('red'), room)
  await time.run(100)
  room.leave()
  t.not(client.room('red'), room)
})
