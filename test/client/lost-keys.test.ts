import t, { type Test } from 'tap'
import { seeded } from '../../bench/random.ts'
import { Client } from '../../src/client/client.ts'
import type { TidegateError } from '../../src/client/errors.ts'
import type { Gap, Receipt } from '../../src/client/types.ts'
import { ScriptedGateway } from './scripted-gateway.ts'
import { VirtualTime } from './virtual-time.ts'

const ROOM = 'red'
const PATIENCE_MS = 60_000

interface World {
  readonly time: VirtualTime
  readonly gateway: ScriptedGateway
  readonly gaps: Gap[]
  /** What became of the publish that was stored, and whose ack said nothing of it. */
  readonly outcome: Promise<Receipt | TidegateError>
  readonly publish: (content: string) => Promise<Receipt | TidegateError>
}

async function start (t: Test): Promise<World> {
  const time = new VirtualTime(seeded(1))
  const gateway = new ScriptedGateway(time)
  const client = new Client('ws://gateway/ws', { user: 'ann', WebSocket: gateway.WebSocket }, time)
  t.teardown(() => client.close())
  const room = client.room<string>(ROOM)
  const gaps: Gap[] = []
  room.on('gap', (gap) => gaps.push(gap))
  const publish = (content: string): Promise<Receipt | TidegateError> =>
    room.publish(content).catch((error: TidegateError) => error)
  gateway.say(ROOM, 'before')
  await time.run(1_000)
  gateway.script.refusals.push('unknown_stored')
  const outcome = publish('once')
  // Long enough for the answer, too short for a retry.
  await time.run(20)
  t.equal(storedTimes(gateway), 1)
  return { time, gateway, gaps, outcome, publish }
}

function storedTimes (gateway: ScriptedGateway): number {
  return gateway.log(ROOM).stored.filter(({ content }) => content === 'once').length
}

for (const how of ['told', 'noticed on coming back'] as const) {
  for (const [reason, spoil] of [
    ['epoch', (gateway: ScriptedGateway) => gateway.log(ROOM).lose()],
    ['fork', (gateway: ScriptedGateway) => {
      gateway.log(ROOM).fork(1)
      gateway.log(ROOM).append('other', 'in its place', undefined, 0)
    }],
    ['ahead', (gateway: ScriptedGateway) => gateway.log(ROOM).fork(1)]
  ] as const) {
    t.test(`keys that a log took with it, ${reason}, ${how}: what may be stored is not sent again`, async (t) => {
      const { time, gateway, gaps, outcome, publish } = await start(t)
      spoil(gateway)
      if (how === 'told') gateway.announce(ROOM, reason)
      else for (const connection of gateway.connections) connection.cut()
      await time.run(PATIENCE_MS)
      t.match(await outcome, { reason: 'unknown_outcome', isUnknown: true, retryable: false })
      t.equal(storedTimes(gateway), 1)
      t.match(gaps, [{ reason, healed: false }])
      const next = publish('next')
      await time.run(1_000)
      t.match(await next, { duplicate: false }, 'and the room goes on')
    })
  }
}

t.test('after a gap that took no keys it is sent again with its own, and was stored once', async (t) => {
  const { time, gateway, gaps, outcome } = await start(t)
  for (const connection of gateway.connections) connection.cut()
  for (let n = 0; n < 30; n++) gateway.say(ROOM, n)
  await time.run(PATIENCE_MS)
  t.match(await outcome, { seq: 2, duplicate: true })
  t.equal(storedTimes(gateway), 1)
  t.match(gaps, [{ reason: 'trimmed' }])
})

t.test('without an answer for as long as a key is known, it is given up and not sent again', async (t) => {
  const { time, gateway, outcome } = await start(t)
  gateway.script.dials.push(...Array.from({ length: 60 }, () => 'refused' as const))
  for (const connection of gateway.connections) connection.cut()
  await time.run(290_000)
  gateway.script.dials.length = 0
  await time.run(PATIENCE_MS)
  t.match(await outcome, { reason: 'unknown_outcome', isUnknown: true })
  t.equal(storedTimes(gateway), 1)
})
