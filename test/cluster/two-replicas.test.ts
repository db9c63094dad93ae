import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { type Client, connect } from '../helpers/client.ts'
import { type RunningGateway, startGateway } from '../helpers/gateway.ts'
import { GatewayProcess } from '../helpers/process.ts'
import { RedisServer } from '../../cluster/redis.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'

const redis = await RedisServer.start()
t.teardown(() => redis.stop())

/** Two replicas on one Redis, under a prefix that no other test has. */
async function startPair (test: Test, env: Record<string, string> = {}): Promise<[RunningGateway, RunningGateway]> {
  const REDIS_PREFIX = `test-${randomBytes(6).toString('hex')}:`
  return await Promise.all(['gw-a', 'gw-b'].map((REPLICA) => startGateway(test, {
    REDIS_URL: redis.url, REDIS_PREFIX, REPLICA, RATE_PUBLISHES: '0', RATE_REQUESTS: '0', ...env
  }))) as [RunningGateway, RunningGateway]
}

function contents (client: Client): unknown[] {
  return client.frames.filter(({ type }) => type === 'message').map(({ content }) => content)
}

t.test('clients on two replicas chat in two rooms, and see only their own', async (t) => {
  const [a, b] = await startPair(t)
  const [redA, redB, blueA, blueB] = await Promise.all([
    connect(t, `${a.ws}?join=red`), connect(t, `${b.ws}?join=red`), connect(t, `${a.ws}?join=blue`), connect(t, `${b.ws}?join=blue`)
  ])
  t.equal(redA.welcome['replica'], 'gw-a')
  t.equal(redB.welcome['replica'], 'gw-b')
  const everyone = [redA, redB, blueA, blueB]
  await Promise.all(everyone.map((client) => client.next('joined')))
  await Promise.all(Array.from({ length: 100 }, async (_, n) => {
    await Promise.all(everyone.map((client, index) => client.ask({
      type: 'message', room: index < 2 ? 'red' : 'blue', content: `${index}-${n}`
    })))
  }))
  for (const client of everyone) await client.until('200 messages', () => contents(client).length === 200)
  t.strictSame(contents(redA), contents(redB))
  t.strictSame(contents(blueA), contents(blueB))
  t.ok(contents(redA).every((content) => /^[01]-/.test(content as string)))
  t.ok(contents(blueA).every((content) => /^[23]-/.test(content as string)))
  t.strictSame(redA.frames.map(({ seq }) => seq), Array.from({ length: 200 }, (_, n) => n + 1))
  const bytes = (client: Client): string[] => client.texts.filter((text) => text.startsWith('{"type":"message"'))
  t.strictSame(bytes(redA), bytes(redB))
  for (let sender = 0; sender < 2; sender++) {
    const own = contents(redB).filter((content) => (content as string).startsWith(`${sender}-`))
    t.strictSame(own, Array.from({ length: 100 }, (_, n) => `${sender}-${n}`), 'a sender keeps its order')
  }
})

t.test('1,000 concurrent moves over both replicas end on the exact sum, and sockets on both show it last', async (t) => {
  // Processes of their own, as they are deployed: a thousand requests at once keep this one busy.
  const REDIS_PREFIX = `test-${randomBytes(6).toString('hex')}:`
  const replicas = await Promise.all(['gw-a', 'gw-b'].map((REPLICA) =>
    new GatewayProcess(t, { PORT: '0', REDIS_URL: redis.url, REDIS_PREFIX, REPLICA, RATE_HTTP: '0' }).ready()))
  const widgets = await Promise.all([...replicas, ...replicas].map(({ ws }) => connect(t, `${ws}?join=position`)))
  await Promise.all(widgets.map((widget) => widget.next('joined')))
  const deltas = Array.from({ length: 1_000 }, (_, n) => (n % 7) * 10 - 25)
  const answers = await Promise.all(deltas.map((delta, n) => fetch(`${replicas[n % 2]!.http}/position`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ delta })
  })))
  t.ok(answers.every(({ status }) => status === 200))
  await Promise.all(answers.map((answer) => answer.json()))
  const sum = deltas.reduce((total, delta) => total + delta, 0)
  for (const { http } of replicas) t.strictSame(await (await fetch(`${http}/position`)).json(), { position: sum })
  for (const widget of widgets) {
    await widget.until('the last move', () => widget.frames.at(-1)?.seq === 1_000)
    t.equal(widget.frames.at(-1)?.position, sum)
    const seqs = widget.frames.map(({ seq }) => seq!)
    t.ok(seqs.every((seq, index) => index === 0 || seq > seqs[index - 1]!), 'never back to an old value')
  }
})

t.test('with echo false the ack stands in the place of the frame, on whichever replica', async (t) => {
  const [a, b] = await startPair(t)
  const clients = await Promise.all([a, b, a, b].map(({ ws }) => connect(t, `${ws}?join=red`)))
  await Promise.all(clients.map((client) => client.next('joined')))
  const each = 100
  for (let n = 0; n < each; n++) {
    for (const client of clients) client.send({ type: 'message', room: 'red', content: n, id: n, echo: false })
  }
  for (const client of clients) {
    await client.until('all of them', () => client.frames.length === each * clients.length)
    t.equal(client.frames.filter(({ type }) => type === 'ack').length, each)
    t.strictSame(client.frames.map(({ seq }) => seq), Array.from({ length: each * 4 }, (_, n) => n + 1))
  }
})

t.test('of live rooms and ephemerals, too, the ack stands in the place of the frame', async (t) => {
  const [a] = await startPair(t)
  const [ann, bob] = await Promise.all([connect(t, `${a.ws}?join=live:x`), connect(t, `${a.ws}?join=live:x`)])
  await Promise.all([ann, bob].map((client) => client.next('joined')))
  for (let n = 0; n < 200; n++) {
    ann.send({ type: 'message', room: 'live:x', content: `a${n}`, id: `a${n}`, echo: false })
    bob.send({ type: 'message', room: 'live:x', content: `b${n}` })
  }
  for (const client of [ann, bob]) await client.until('all', () => client.frames.length === 400)
  t.strictSame(
    ann.frames.map(({ type, id, content }) => type === 'ack' ? id : content),
    bob.frames.map(({ content }) => content)
  )
})

t.test('a broadcast reaches every connection of every replica', async (t) => {
  const [a, b] = await startPair(t)
  const clients = await Promise.all([a, a, b, b].map(({ ws }) => connect(t, ws)))
  await clients[0]!.ask({ type: 'broadcast', content: 'hello' })
  for (const client of clients) t.match(await client.next('broadcast'), { seq: 1, content: 'hello' })
})

t.test('live rooms and ephemerals cross replicas; keys count on both', async (t) => {
  const [a, b] = await startPair(t)
  const [ann, bob] = await Promise.all([connect(t, `${a.ws}?user=ann&join=live:x`), connect(t, `${b.ws}?user=ann&join=live:x`)])
  await Promise.all([ann.next('joined'), bob.next('joined')])
  t.match(await ann.ask({ type: 'message', room: 'live:x', content: 1, key: 'k' }), { type: 'ack' })
  t.match(await bob.ask({ type: 'message', room: 'live:x', content: 1, key: 'k' }), { type: 'ack', duplicate: true })
  t.match(await bob.ask({ type: 'message', room: 'live:x', content: 2, key: 'k' }), { reason: 'key_reused' })
  t.match(await bob.next('message'), { content: 1 })
})

t.test('history and a latest value are the same on the other replica', async (t) => {
  const [a, b] = await startPair(t)
  const ann = await connect(t, `${a.ws}?join=red&join=latest:x`)
  await ann.next('joined')
  await ann.next('joined')
  for (let n = 1; n <= 5; n++) await ann.ask({ type: 'message', room: 'red', content: n })
  await ann.ask({ type: 'message', room: 'latest:x', content: 'newest' })
  const bob = await connect(t, `${b.ws}?join=red&join=latest:x&history=3`)
  await bob.next('joined')
  await bob.next('joined')
  t.strictSame((await bob.settle()).map(({ content }) => content).sort(), [3, 4, 5, 'newest'])
})

t.test('joined comes only after Redis has confirmed the subscription', async (t) => {
  const proxy = await TcpProxy.start(t, redis.port)
  const REDIS_PREFIX = `test-${randomBytes(6).toString('hex')}:`
  const a = await startGateway(t, { REDIS_URL: `redis://127.0.0.1:${proxy.port}`, REDIS_PREFIX })
  const b = await startGateway(t, { REDIS_URL: redis.url, REDIS_PREFIX })
  const [ann, bob] = await Promise.all([connect(t, a.ws), connect(t, `${b.ws}?join=red`)])
  await bob.next('joined')
  const isHeld = proxy.hold('{red}:c')
  ann.send({ type: 'join', room: 'red' })
  await isHeld
  await bob.ask({ type: 'message', room: 'red', content: 1 })
  t.strictSame(await ann.settle(), [], 'nothing is said while SUBSCRIBE is on its way')
  proxy.release()
  t.match(await ann.next('joined'), { room: 'red', seq: 1 })
  await bob.ask({ type: 'message', room: 'red', content: 2 })
  t.match(await ann.next('message'), { seq: 2 })
})

t.test('what was published while a subscription was lost is read from the log: nobody misses it', async (t) => {
  const [a, b] = await startPair(t)
  const [ann, eve, bob] = await Promise.all([
    connect(t, `${a.ws}?join=red`), connect(t, `${b.ws}?join=red`), connect(t, `${b.ws}?join=red`)
  ])
  await Promise.all([ann, eve, bob].map((client) => client.next('joined')))
  const admin = new Redis(redis.url)
  t.teardown(() => { admin.disconnect() })
  for (let n = 1; n <= 500; n++) {
    if (n % 100 === 50) await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await bob.ask({ type: 'message', room: 'red', content: n, echo: false })
  }
  for (const client of [ann, eve]) {
    await client.until('all 500', () => client.frames.at(-1)?.seq === 500, 15_000)
    t.strictSame(client.frames.map(({ seq }) => seq), Array.from({ length: 500 }, (_, n) => n + 1))
  }
})

t.test('a SUBSCRIBE that gets no answer after a reconnect leaves no replica deaf', async (t) => {
  const proxy = await TcpProxy.start(t, redis.port)
  const REDIS_PREFIX = `test-${randomBytes(6).toString('hex')}:`
  const a = await startGateway(t, { REDIS_URL: `redis://127.0.0.1:${proxy.port}`, REDIS_PREFIX })
  const b = await startGateway(t, { REDIS_URL: redis.url, REDIS_PREFIX })
  const [ann, bob] = await Promise.all([connect(t, `${a.ws}?join=red`), connect(t, `${b.ws}?join=red`)])
  await Promise.all([ann.next('joined'), bob.next('joined')])
  const admin = new Redis(redis.url)
  t.teardown(() => { admin.disconnect() })
  const first = proxy.hold('{red}:c')
  await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await first
  // What was held first is never sent on; the replica has to notice, and to begin again.
  await proxy.hold('{red}:c')
  await bob.ask({ type: 'message', room: 'red', content: 'meanwhile' })
  proxy.release()
  t.match(await ann.next('message'), { seq: 1, content: 'meanwhile' })
})

t.test('a replica follows a room only while it has members there', async (t) => {
  const [a] = await startPair(t)
  const admin = new Redis(redis.url)
  t.teardown(() => { admin.disconnect() })
  const subscribers = async (room: string): Promise<number> => {
    const channels = await admin.call('PUBSUB', 'CHANNELS', `*{${room}}:c`) as string[]
    return channels.length
  }
  const room = `lonely-${randomBytes(4).toString('hex')}`
  t.equal(await subscribers(room), 0)
  const ann = await connect(t, `${a.ws}?join=${room}`)
  await ann.next('joined')
  t.equal(await subscribers(room), 1)
})
