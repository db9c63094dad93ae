import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { report, runJitter, verdict } from '../../bench/jitter.ts'
import { type Random, seeded } from '../../bench/random.ts'
import { RedisServer } from '../../cluster/redis.ts'
import { connect } from '../helpers/client.ts'
import { startCluster } from '../helpers/cluster.ts'
import { type RunningGateway, startGateway } from '../helpers/gateway.ts'

// Clients and replicas share one loop here: it is late, and that is no reason to turn anybody away.
const UNLIMITED = {
  MAX_CONNECTIONS_PER_ADDRESS: '0', RATE_PUBLISHES: '0', RATE_REQUESTS: '0', RATE_CONNECTIONS: '0', MAX_LOOP_DELAY_MS: '0'
}

t.setTimeout(240_000)
const redis = await RedisServer.start()
t.teardown(() => redis.stop())

async function startReplicas (
  test: Test, names: readonly string[], prefix = `t${randomBytes(6).toString('hex')}:`
): Promise<RunningGateway[]> {
  const env = { ...UNLIMITED, REDIS_URL: redis.url, REDIS_PREFIX: prefix }
  return await Promise.all(names.map((REPLICA) => startGateway(test, { ...env, REPLICA })))
}

t.test('2,000 clients that come back at once cost Redis fewer than one command for every ten of them', async (t) => {
  const [a, b, c] = await startReplicas(t, ['gw-a', 'gw-b', 'gw-c'])
  const urls = [a!.ws, b!.ws, c!.ws]
  const ann = await connect(t, a!.ws)
  await ann.ask({ type: 'join', room: 'hall' })
  const { cursor: since } = await ann.ask({ type: 'message', room: 'hall', content: 0 })
  for (let n = 1; n <= 100; n++) await ann.ask({ type: 'message', room: 'hall', content: n })
  // Somebody is there on each replica, as before a crowd comes back.
  for (const url of urls) await (await connect(t, url)).ask({ type: 'join', room: 'hall' })

  const admin = new Redis(redis.url)
  t.teardown(() => admin.disconnect())
  // What is sent: steps of a script are no commands of anybody's. Pings come whether anybody does or not.
  const sent: string[] = []
  const monitor = await admin.monitor()
  t.teardown(() => monitor.disconnect())
  monitor.on('monitor', (_time: string, [name = '']: string[], source: string) => {
    if (source !== 'lua' && name.toLowerCase() !== 'ping') sent.push(name)
  })
  const startMs = performance.now()
  const answers = await Promise.all(Array.from({ length: 2_000 }, async (_, n) => {
    const client = await connect(t, urls[n % 3]!)
    return await client.ask({ type: 'join', room: 'hall', since })
  }))
  const tookMs = performance.now() - startMs
  const commands = sent.length
  t.ok(answers.every(({ recovered, replay }) => recovered === true && replay === 100))
  t.comment(`${commands} commands for 2,000 resumes, presence included, in ${Math.round(tookMs)} ms`)
  t.ok(commands < 200)
})

t.test('B1 500 joins, fresh and with cursors, while 500 messages a second are published: over 20 seeds', { timeout: 180_000 }, async (t) => {
  const replicas = await startReplicas(t, ['gw-a', 'gw-b'])
  for (let seed = 1; seed <= 20; seed++) {
    const joins = await joinWhilePublishing(t, replicas.map(({ ws }) => ws), `busy-${seed}`, seeded(seed))
    t.match(joins, { total: 500, wrong: [] }, `seed ${seed}: ${joins.fresh} fresh, ${joins.resumed} resumed`)
    t.ok(joins.fresh > 100 && joins.resumed > 100)
  }
})

interface Joins { total: number, fresh: number, resumed: number, readonly wrong: string[] }

const JOINERS = 50
const JOINS = 10
const LIVE_AFTER = 5

/** Clients join, follow for a moment, and leave, again and again; what is not as it should be is told. */
async function joinWhilePublishing (test: Test, urls: readonly string[], room: string, random: Random): Promise<Joins> {
  const joins: Joins = { total: 0, fresh: 0, resumed: 0, wrong: [] }
  const publisher = await connect(test, `${urls[0]}?join=${room}`)
  await publisher.next('joined')
  const startMs = performance.now()
  let published = 0
  const publishing = setInterval(() => {
    publisher.frames.length = publisher.texts.length = 0
    for (const due = (performance.now() - startMs) / 2; published < due; published++) {
      publisher.send({ type: 'message', room, content: published })
    }
  }, 2)
  const cursors: string[] = []
  await Promise.all(Array.from({ length: JOINERS }, async (_, n) => {
    const client = await connect(test, urls[n % urls.length]!)
    for (let turn = 0; turn < JOINS; turn++) {
      // An old one, or the newest that anybody has seen: on this replica it may not even have been heard yet.
      const age = random() < 0.3 ? 0 : Math.floor(random() * Math.min(400, cursors.length))
      const since = random() < 0.5 ? cursors.at(-1 - age) : undefined
      client.frames.length = client.texts.length = 0
      const id = `j${turn}`
      client.send({ type: 'join', id, room, since })
      await client.until(`join ${turn}`, () => client.frames.filter(({ seq }) => seq !== undefined).length > 1 + LIVE_AFTER +
        Number(client.frames.find((frame) => frame.id === id)?.['replay'] ?? 0))
      joins.total++
      if (since === undefined) joins.fresh++
      else joins.resumed++
      const [joined, ...messages] = client.frames
      const seqs = messages.map(({ seq }) => seq!)
      const first = since === undefined ? joined!.seq! + 1 : Number(since.split('.')[1]) + 1
      const isRight = joined!.type === 'joined' && joined!.id === id && seqs.every((seq, index) => seq === first + index) &&
        messages.every(({ type }) => type === 'message') && joined!.seq === first + Number(joined!['replay']) - 1 &&
        (since === undefined || joined!['recovered'] === true)
      if (!isRight) joins.wrong.push(JSON.stringify({ since, joined, messages }))
      cursors.push(messages.at(-1)!.cursor!)
      await client.ask({ type: 'leave', room })
    }
    client.socket.terminate()
  }))
  clearInterval(publishing)
  publisher.socket.terminate()
  return joins
}

t.test('B2 B13 who was on a replica that was killed goes on where it stopped, on another', async (t) => {
  const { cluster } = await startCluster(t, UNLIMITED)
  const [a, b] = cluster.replicas.map(({ http }) => `${http.replace('http', 'ws')}/ws`)
  const bob = await connect(t, `${b!}?join=red`)
  await bob.next('joined')
  const ann = await connect(t, `${a!}?join=red`)
  await ann.next('joined')
  for (let n = 1; n <= 10; n++) await bob.ask({ type: 'message', room: 'red', content: n })
  await ann.until('ten messages', () => ann.frames.length === 10)
  const { cursor } = ann.frames.at(-1)!
  await cluster.replica('gateway-a').stop('SIGKILL')
  t.match(await ann.closed, { code: 1006 })
  for (let n = 11; n <= 20; n++) await bob.ask({ type: 'message', room: 'red', content: n })
  const again = await connect(t, b!)
  t.match(await again.ask({ type: 'join', room: 'red', since: cursor }), { recovered: true, replay: 10, seq: 20 })
  t.strictSame((await again.settle()).map(({ content }) => content), Array.from({ length: 10 }, (_, n) => n + 11))
  // A replica that begins anew has an empty ring: it reads the log.
  await cluster.replica('gateway-a').start()
  const fresh = await connect(t, a!)
  t.match(await fresh.ask({ type: 'join', room: 'red', since: cursor }), { recovered: true, replay: 10, seq: 20 })
})

t.test('npm run jitter, in short: clients that are cut again and again miss nothing', { timeout: 60_000 }, async (t) => {
  const prefix = 'jitter:'
  const replicas = await startReplicas(t, ['gw-a', 'gw-b', 'gw-c'], prefix)
  const result = await runJitter(replicas.map(({ ws }) => ws), { url: redis.url, prefix }, {
    clients: 60, messagesPerSecond: 100, durationMs: 6_000, cutEveryMs: 2_000, offlineMs: 500, seed: 1
  })
  t.comment(report(result))
  t.strictSame(verdict(result), [])
  t.ok(result.resumes > 60)
})

t.test('who joins the position while the car moves is told where it is, the same as everyone', async (t) => {
  const [a, b] = await startReplicas(t, ['gw-a', 'gw-b'])
  const ann = await connect(t, `${a!.ws}?join=position`)
  const moving = setInterval(() => { for (let n = 0; n < 10; n++) ann.send({ type: 'move', delta: 1 }) }, 5)
  const told: Array<readonly [cursor: string, position: unknown]> = []
  for (let n = 0; n < 100; n++) {
    const bob = await connect(t, b!.ws)
    const { replay } = await bob.ask({ type: 'join', room: 'position' })
    const { cursor, position } = await bob.next('position')
    t.equal(replay, 1)
    told.push([cursor!, position])
    bob.socket.terminate()
  }
  clearInterval(moving)
  await ann.settle()
  const live = new Map(ann.texts.map((text) => JSON.parse(text) as { cursor?: string, position?: number, type: string })
    .filter(({ type }) => type === 'position').map(({ cursor, position }) => [cursor, position]))
  t.strictSame(told.filter(([cursor, position]) => live.has(cursor) && live.get(cursor) !== position), [])
  t.ok(told.filter(([cursor]) => live.has(cursor)).length > 50)
})
