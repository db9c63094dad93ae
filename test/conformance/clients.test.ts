import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { Nginx } from '../../cluster/nginx.ts'
import { freePort } from '../../cluster/ports.ts'
import { eventually } from '../../cluster/until.ts'
import { type RunningGateway, startGateway } from '../helpers/gateway.ts'
import { chromium, type Kind, node, python, type Stranger } from '../helpers/strangers.ts'
import { SECRET } from '../helpers/tokens.ts'

const KINDS: readonly Kind[] = [python, chromium, node]
const TEXT = 'Grüße, κόσμε, 日本語, 🙂'
const LARGE = 'x'.repeat(60_000)

/** A gateway, and where it is reached: itself, or by an nginx with this repository's nginx.conf. */
type Front = (t: Test, env?: Readonly<Record<string, string>>) => Promise<RunningGateway & { readonly site: string }>

const direct: Front = async (t, env) => {
  const running = await startGateway(t, env)
  return { ...running, site: running.ws }
}

const throughNginx: Front = async (t, env) => {
  const running = await startGateway(t, env)
  const nginx = await Nginx.start([`127.0.0.1:${running.port}`], { port: await freePort() })
  t.teardown(() => nginx.stop())
  return { ...running, site: `ws://127.0.0.1:${nginx.port}/ws` }
}

async function join (t: Test, { name, connect }: Kind, site: string): Promise<Stranger> {
  const client = await connect(t, `${site}?user=${name}&join=meeting`)
  t.match(await client.take('a welcome', ({ type }) => type === 'welcome'), { protocol: 1, user: name })
  t.match(await client.take('joined', ({ type }) => type === 'joined'), { room: 'meeting' })
  return client
}

for (const [way, front] of [['directly', direct], ['through nginx', throughNginx]] as const) {
  t.test(`clients by Python, Chromium and Node talk to each other, ${way}`, async (t) => {
    const { site } = await front(t)
    const clients = await Promise.all(KINDS.map((kind) => join(t, kind, site)))
    for (const [index, client] of clients.entries()) {
      const content = `${TEXT} from ${KINDS[index]!.name}`
      t.match(await client.ask({ type: 'message', room: 'meeting', content }, 1), { type: 'ack' })
      t.match(await client.ask({ type: 'message', room: 'meeting', content: LARGE }, 2), { type: 'ack' })
    }
    const expected = KINDS.flatMap(({ name }) => [[name, `${TEXT} from ${name}`], [name, LARGE]])
    for (const [index, client] of clients.entries()) {
      await client.until('all messages', () => client.frames.length === expected.length)
      t.strictSame(client.frames.map(({ from, content }) => [from, content]), expected, `as ${KINDS[index]!.name} has it`)
    }
  })

  t.test(`they answer pings, and who does not is given up, ${way}`, async (t) => {
    const { site } = await front(t, { PING_INTERVAL_MS: '400' })
    const clients = await Promise.all(KINDS.map((kind) => join(t, kind, site)))
    // All have been silent for longer than it, when it is closed.
    const mute = new WebSocket(`${site}?user=mute`, { autoPong: false } as object)
    t.equal(await new Promise((resolve) => mute.on('close', resolve)), 4408)
    for (const client of clients) {
      t.equal(client.closed, undefined)
      t.match(await client.ask({ type: 'ping' }, 1), { type: 'pong' })
    }
  })

  t.test(`a code that they close with reaches the gateway, and comes back, ${way}`, async (t) => {
    const { site, logged } = await front(t)
    for (const kind of KINDS) {
      const client = await join(t, kind, site)
      t.match(await client.close(4_000, 'enough'), { code: 4_000 }, kind.name)
      const gone = (): string | undefined =>
        logged.find((line) => line.includes('"disconnected"') && line.includes(`"user":"${kind.name}"`))
      // It may hear of it after the client.
      await eventually('the gateway has heard of it', async () => gone() !== undefined)
      t.match(JSON.parse(gone()!), { code: 4_000 }, `${kind.name}, as the gateway heard it`)
    }
  })

  t.test(`they see why they are closed, ${way}`, async (t) => {
    const { site, gateway } = await front(t, { DRAIN_MS: '0' })
    const guarded = await front(t, { AUTH_SECRET: SECRET })
    for (const kind of KINDS) {
      const codeAfter = async (act: (client: Stranger) => void): Promise<number> => {
        const client = await join(t, kind, site)
        act(client)
        return (await client.ended()).code
      }
      t.equal(await codeAfter((client) => client.sendBytes(Buffer.from('{"type":"ping"}'))), 1003, `${kind.name}: bytes`)
      t.equal(await codeAfter((client) => client.send(LARGE + LARGE)), 1009, `${kind.name}: too much`)
      t.equal(await codeAfter((client) => {
        for (let n = 0; n < 11; n++) client.send('no JSON')
      }), 4400, `${kind.name}: malformed frames`)
      const stranger = await kind.connect(t, `${guarded.site}?token=bad`)
      t.match(await stranger.ended(), { code: 4401, reason: /^token: / }, kind.name)
    }
    const clients = await Promise.all(KINDS.map((kind) => join(t, kind, site)))
    await gateway.stop(0)
    for (const client of clients) {
      t.match(await client.take('goodbye', ({ type }) => type === 'goodbye'), { reconnect: true })
      t.match(await client.ended(), { code: 1001, reason: 'draining' })
    }
  })
}

t.test('a message in fragments is one message', async (t) => {
  const { site } = await direct(t)
  const [client, other] = await Promise.all([python, node].map((kind) => join(t, kind, site)))
  const request = JSON.stringify({ type: 'message', room: 'meeting', content: TEXT })
  const half = request.indexOf('κόσμε') + 2
  client!.sendParts(['', request.slice(0, 1), request.slice(1, half), request.slice(half), ''])
  t.match(await other!.take('the message', ({ type }) => type === 'message'), { from: 'python', content: TEXT })
})
