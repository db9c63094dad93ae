import t, { type Test } from 'tap'
import { seeded } from '../../bench/random.ts'
import { Client } from '../../src/client/client.ts'
import { connect, TidegateError } from '../../src/client/index.ts'
import { eventually } from '../../cluster/until.ts'
import { startGateway } from '../helpers/gateway.ts'
import { SECRET, tokenOf } from '../helpers/tokens.ts'
import { ScriptedGateway } from './scripted-gateway.ts'
import { VirtualTime } from './virtual-time.ts'

const MINUTE_MS = 60_000
const LIFE_MS = 10 * MINUTE_MS

interface World { readonly time: VirtualTime, readonly gateway: ScriptedGateway, readonly said: string[] }

/** A client of a gateway whose tokens last for ten minutes; `said` is what it told, each with its minute. */
function start (t: Test, getToken: () => Promise<string>): World {
  const time = new VirtualTime(seeded(1))
  const gateway = new ScriptedGateway(time)
  gateway.tokenLifeMs = LIFE_MS
  const client = new Client('ws://gateway/ws', { getToken, WebSocket: gateway.WebSocket }, time)
  t.teardown(() => client.close())
  const said: string[] = []
  client.on('state', ({ state }) => said.push(state))
  client.on('error', ({ reason }) => said.push(reason))
  return { time, gateway, said }
}

t.test('a token is renewed before it ends, again and again, on the connection that lives', async (t) => {
  let given = 0
  const { time, gateway, said } = start(t, async () => `t${++given}`)
  await time.run(60 * MINUTE_MS)
  t.equal(gateway.dialled, 1)
  t.strictSame(said, ['online'])
  t.strictSame(gateway.tokens, Array.from({ length: given }, (_, n) => `t${n + 1}`))
  // Between one and two minutes before each end.
  t.ok(given >= 7 && given <= 8, `${given} tokens in an hour`)
})

t.test('where getToken fails it is asked again, with back-off, and nobody is cut off meanwhile', async (t) => {
  let asked = 0
  const { time, gateway, said } = start(t, async () => {
    if (++asked > 1 && asked <= 4) throw new Error('the back end is away')
    return `t${asked}`
  })
  await time.run(LIFE_MS + MINUTE_MS)
  t.strictSame(said, ['online', 'token_failed', 'token_failed', 'token_failed'])
  t.strictSame(gateway.tokens, ['t1', 't5'])
  t.equal(gateway.dialled, 1)
})

t.test('who is told 4401 comes back with a token that is new', async (t) => {
  let given = 0
  const { time, gateway, said } = start(t, async () => `t${++given}`)
  await time.run(MINUTE_MS)
  for (const connection of gateway.connections) connection.end(4401, 'token revoked')
  await time.run(MINUTE_MS)
  t.strictSame(gateway.tokens, ['t1', 't2'])
  t.strictSame(said, ['online', 'waiting', 'connecting', 'online'])
})

t.test('a real gateway takes the new token on the same connection, with what it allows', async (t) => {
  const { ws } = await startGateway(t, { AUTH_SECRET: SECRET })
  let given = 0
  const rights = [['join'], ['join', 'publish']] as const
  const client = connect(ws, {
    getToken: async () => await tokenOf('ann', { rooms: { general: [...rights[Math.min(given++, 1)]!] } }, given > 1 ? 3_600 : 2)
  })
  t.teardown(() => client.close())
  let welcomes = 0
  client.on('welcome', () => welcomes++)
  const room = client.room<string>('general')
  const publish = (): Promise<unknown> => room.publish('now').catch((error: TidegateError) => error)
  t.match(await publish(), { reason: 'forbidden' })
  let outcome: unknown
  await eventually('it may publish', async () => (outcome = await publish()) instanceof TidegateError === false)
  t.match(outcome, { seq: 1 })
  t.equal(given, 2)
  t.equal(welcomes, 1)
})
