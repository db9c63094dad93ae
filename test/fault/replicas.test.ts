import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { report, runChaos } from '../../bench/chaos.ts'
import { FAULTS } from '../../bench/faults.ts'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'
import { connect } from '../helpers/client.ts'
import { type RunningGateway, startGateway } from '../helpers/gateway.ts'
import { GatewayProcess } from '../helpers/process.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { startFaultWorld } from './fault-world.ts'

t.setTimeout(240_000)

const UNLIMITED = { MAX_CONNECTIONS_PER_ADDRESS: '0', RATE_PUBLISHES: '0', RATE_REQUESTS: '0', RATE_CONNECTIONS: '0' }

const redis = await RedisServer.start()
t.teardown(() => redis.stop())

function prefixed (): Record<string, string> {
  return { ...UNLIMITED, REDIS_PREFIX: `t${randomBytes(6).toString('hex')}:`, REDIS_URL: redis.url }
}

/** Two replicas; the first has its own way to Redis. */
async function startPair (test: Test): Promise<{ late: RunningGateway, prompt: RunningGateway, proxy: TcpProxy }> {
  const proxy = await TcpProxy.start(test, redis.port, 'redis')
  const env = prefixed()
  const [late, prompt] = await Promise.all([
    startGateway(test, { ...env, REPLICA: 'late', REDIS_URL: `redis://127.0.0.1:${proxy.port}` }),
    startGateway(test, { ...env, REPLICA: 'prompt' })
  ])
  return { late: late!, prompt: prompt!, proxy }
}

t.test('A16 a split brain: what was written to the old primary is told as lost, and everyone goes on with the new one', async (t) => {
  const { target, crowd, prefix } = await startFaultWorld(t)
  const [stays, moves] = target.proxies
  const heir = await RedisServer.start()
  t.teardown(() => heir.stop())
  const admin = new Redis(heir.url)
  t.teardown(() => admin.disconnect())
  const old = new Redis(target.redis.url)
  await old.config('SET', 'repl-diskless-sync-delay', '0')
  old.disconnect()
  await admin.replicaof('127.0.0.1', target.redis.port)
  await eventually('it replicates', async () => (await admin.info('replication')).includes('master_link_status:up'))
  crowd.ledger.damaged()
  await admin.replicaof('NO', 'ONE')
  // One replica follows the new primary, the other one still writes to the old.
  moves!.targetPort = heir.port
  moves!.cut()
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  stays!.targetPort = heir.port
  await target.redis.stop()
  target.redis = heir
  crowd.ledger.damaged()
  await crowd.healed(5_000)
  await crowd.rest(heir.url, prefix)
  t.strictSame(crowd.ledger.verdict(), [], crowd.ledger.examples.join('; '))
  t.ok(crowd.ledger.gaps.length > 0)
  t.ok(crowd.ledger.gaps.every((reason) => ['fork', 'ahead'].includes(reason)), [...new Set(crowd.ledger.gaps)].join())
})

t.test('B3 a replica that hears half a second late answers a cursor that it has not heard of, and repeats nothing', async (t) => {
  const { late, prompt, proxy } = await startPair(t)
  const bob = await connect(t, `${late.ws}?join=red`)
  await bob.next('joined')
  const ann = await connect(t, `${prompt.ws}?join=red`)
  await ann.next('joined')
  proxy.delayMs = 250
  const cursors: string[] = []
  for (let n = 1; n <= 5; n++) cursors.push((await ann.ask({ type: 'message', room: 'red', content: n })).cursor!)
  const carol = await connect(t, late.ws)
  t.match(await carol.ask({ type: 'join', room: 'red', since: cursors[2] }), { recovered: true, replay: 2, seq: 5 })
  await ann.ask({ type: 'message', room: 'red', content: 6 })
  const texts = (frames: ReadonlyArray<{ content?: unknown, type: string }>): unknown[] =>
    frames.filter(({ type }) => type === 'message').map(({ content }) => content)
  await carol.until('the sixth', () => texts(carol.frames).includes(6))
  await bob.until('the sixth', () => texts(bob.frames).includes(6))
  t.strictSame(texts(carol.frames), [4, 5, 6])
  t.strictSame(texts(bob.frames), [1, 2, 3, 4, 5, 6])
})

t.test('B11 joins and leaves of one turn, and an end in the middle of a resume, leave no ghost', async (t) => {
  const gateway = await startGateway(t, prefixed())
  const ann = await connect(t, `${gateway.ws}?join=red`)
  await ann.next('joined')
  const { cursor } = await ann.ask({ type: 'message', room: 'red', content: 1 })
  const bob = await connect(t, gateway.ws)
  for (const type of ['join', 'leave', 'join', 'leave', 'join']) bob.send({ type, room: 'red', since: cursor })
  t.match(await bob.ask({ type: 'leave', room: 'red' }), { type: 'left' })
  bob.frames.length = 0
  for (let n = 0; n < 20; n++) {
    const carol = await connect(t, gateway.ws)
    carol.send({ type: 'join', room: 'red', since: cursor })
    carol.socket.terminate()
  }
  await ann.ask({ type: 'message', room: 'red', content: 2 })
  t.strictSame((await bob.settle()).filter(({ type }) => type === 'message'), [], 'who has left hears nothing')
  t.match(await bob.ask({ type: 'join', room: 'red', since: cursor }), { recovered: true, replay: 1 })
})

t.test('B16 two tabs of one user both get everything, and their keys are one', async (t) => {
  const gateway = await startGateway(t, prefixed())
  const tabs = await Promise.all([1, 2].map(() => connect(t, `${gateway.ws}?user=ann&join=red`)))
  for (const tab of tabs) await tab.next('joined')
  const request = { type: 'message', room: 'red', content: 'hi', key: 'k' }
  const [first, second] = await Promise.all(tabs.map((tab) => tab.ask(request)))
  t.equal(first!.cursor, second!.cursor)
  for (const tab of tabs) {
    const messages = [await tab.next('message'), ...(await tab.settle()).filter(({ type }) => type === 'message')]
    t.equal(messages.length, 1)
  }
})

t.test('B17 a replica whose clock is an hour off changes nothing', async (t) => {
  const env = { ...prefixed(), PORT: '0' }
  const shifts = [3_600_000, -3_600_000]
  const replicas = shifts.map((shiftMs) => new GatewayProcess(t, {
    ...env, NODE_OPTIONS: `--import=data:text/javascript,const%20now=Date.now;Date.now=()=>now()+(${shiftMs})`
  }))
  const [early, late] = await Promise.all(replicas.map((replica) => replica.ready()))
  const ann = await connect(t, `${early!.ws}?join=red`)
  await ann.next('joined')
  const bob = await connect(t, `${late!.ws}?join=red`)
  await bob.next('joined')
  const acks = []
  for (const client of [ann, bob, ann, bob]) acks.push(await client.ask({ type: 'message', room: 'red', content: 1 }))
  await bob.until('all four', () => bob.frames.filter(({ type }) => type === 'message').length === 4)
  const times = bob.frames.filter(({ type }) => type === 'message').map(({ timestamp }) => Date.parse(String(timestamp)))
  t.ok(times.every((time, index) => Math.abs(time - Date.now()) < 60_000 && time >= (times[index - 1] ?? 0)), 'Redis\'s time')
  const carol = await connect(t, late!.ws)
  t.match(await carol.ask({ type: 'join', room: 'red', since: acks[0]!.cursor }), { recovered: true, replay: 3 })
})

t.test('B18 who reads slowly while it is replayed to, and more comes than it reads, gets all of it in order', async (t) => {
  const gateway = await startGateway(t, { ...prefixed(), SEND_QUEUE_BYTES: '20000' })
  const ann = await connect(t, `${gateway.ws}?join=red`)
  const { cursor } = await ann.next('joined')
  const content = 'x'.repeat(2_000)
  for (let n = 1; n <= 300; n++) ann.send({ type: 'message', room: 'red', content })
  await ann.until('they are stored', () => ann.frames.length === 300)
  const slow = await connect(t, gateway.ws)
  slow.send({ type: 'join', room: 'red', since: cursor })
  slow.socket.pause()
  for (let n = 1; n <= 150; n++) ann.send({ type: 'message', room: 'red', content })
  await ann.until('they are stored', () => ann.frames.length === 450)
  slow.socket.resume()
  await slow.until('everything', () => slow.frames.some(({ seq, type }) => type === 'message' && seq === 450), 20_000)
  t.strictSame(slow.frames.filter(({ type }) => type === 'message').map(({ seq }) => seq), Array.from({ length: 450 }, (_, n) => n + 1))
  t.strictSame(slow.frames.filter(({ type }) => type === 'gap'), [])
})

t.test('B13 B14 C1 npm run chaos, in short: replicas killed, frozen and rolled, Redis failing over', { timeout: 200_000 }, async (t) => {
  const result = await runChaos({
    seed: 1,
    durationMs: 1,
    clients: 10,
    messagesPerSecond: 30,
    faults: FAULTS.filter(({ name }) => /^(A4|A15|B13|B14|C1) /.test(name)),
    onProgress: (text) => t.comment(text)
  })
  t.comment(report(result))
  t.strictSame(result.problems, [])
})
