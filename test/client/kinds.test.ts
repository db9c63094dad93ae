import t, { type Test } from 'tap'
import { seeded } from '../../bench/random.ts'
import { Client } from '../../src/client/client.ts'
import { ScriptedGateway } from './scripted-gateway.ts'
import { VirtualTime } from './virtual-time.ts'

interface World {
  readonly time: VirtualTime
  readonly gateway: ScriptedGateway
  /** What was told of the room, in order: contents, and `gap` with its reason. */
  readonly told: unknown[]
  readonly joins: () => number
  readonly join: (history?: number) => Promise<void>
}

function start (t: Test, kind: 'latest' | 'live'): World {
  const time = new VirtualTime(seeded(1))
  const gateway = new ScriptedGateway(time, { red: kind })
  const client = new Client('ws://gateway/ws', { user: 'ann', WebSocket: gateway.WebSocket }, time)
  t.teardown(() => client.close())
  const told: unknown[] = []
  let joins = 0
  const join = async (history = 0): Promise<void> => {
    const room = client.room('red', { history })
    room.on('message', ({ content }) => told.push(content))
    room.on('gap', ({ reason }) => told.push(`gap ${reason}`))
    room.on('joined', () => joins++)
    await time.run(1_000)
  }
  return { time, gateway, told, joins: () => joins, join }
}

t.test('a live room over a hand-over: each signal once, in order, though two connections bring it', async (t) => {
  const { time, gateway, told, joins, join } = start(t, 'live')
  await join()
  const [old] = gateway.connections
  old!.goodbye(700)
  const expected: string[] = []
  for (let n = 0; n < 300; n++) {
    // The same words come again: what was told once must not hide them.
    const content = n % 3 === 0 ? 'tick' : `tick ${n}`
    expected.push(content)
    gateway.signal('red', 'other', content, '2026-01-01T12:00:00.000Z')
    await time.run(10)
  }
  await time.run(1_000)
  t.equal(gateway.dialled, 2)
  t.equal(joins(), 2, 'it was in the room on both')
  t.strictSame(told, expected)
})

t.test('a live room after a cut: what was sent meanwhile is missed, nothing is told twice', async (t) => {
  const { time, gateway, told, join } = start(t, 'live')
  await join()
  gateway.signal('red', 'other', 'before', '')
  await time.run(100)
  for (const connection of gateway.connections) connection.cut()
  gateway.signal('red', 'other', 'meanwhile', '')
  await time.run(5_000)
  gateway.signal('red', 'other', 'after', '')
  await time.run(100)
  t.strictSame(told, ['before', 'after'])
})

t.test('a latest room that shows itself by its first join: numbers may jump, and nobody asks again', async (t) => {
  const { time, gateway, told, joins, join } = start(t, 'latest')
  for (const value of [1, 2, 3]) gateway.say('red', value)
  await join()
  gateway.script.frames.push('lost', 'lost')
  for (const value of [4, 5, 6]) gateway.say('red', value)
  await time.run(1_000)
  t.strictSame(told, [3, 6])
  t.equal(joins(), 1)
})

for (const history of [0, 5]) {
  t.test(`one that was empty, or asked for ${history} of its past, shows itself by its first jump, and asks once`, async (t) => {
    const { time, gateway, told, joins, join } = start(t, 'latest')
    if (history > 0) gateway.say('red', 0)
    await join(history)
    gateway.say('red', 1)
    await time.run(100)
    gateway.script.frames.push('lost', 'lost')
    for (const value of [2, 3, 4]) gateway.say('red', value)
    await time.run(1_000)
    t.equal(joins(), 2)
    gateway.script.frames.push('lost')
    for (const value of [5, 6]) gateway.say('red', value)
    await time.run(1_000)
    t.strictSame(told, history > 0 ? [0, 1, 4, 6] : [1, 4, 6])
    t.equal(joins(), 2)
  })
}

t.test('a latest room after a cut: the newest value, and no gap', async (t) => {
  const { time, gateway, told, join } = start(t, 'latest')
  gateway.say('red', 1)
  await join()
  for (const connection of gateway.connections) connection.cut()
  for (const value of [2, 3, 4]) gateway.say('red', value)
  await time.run(5_000)
  t.strictSame(told, [1, 4])
})
