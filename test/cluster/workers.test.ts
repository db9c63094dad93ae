import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'
import { connect } from '../helpers/client.ts'
import { chatter, crowd, nothingMissed } from '../helpers/cluster.ts'
import { GatewayProcess } from '../helpers/process.ts'

const redis = await RedisServer.start()
t.teardown(() => redis.stop())
let prefixes = 0

interface Line {
  readonly level: number
  readonly msg: string
  readonly worker?: string
  readonly pid?: number
}

/** A gateway of several workers, with rooms that no other test has. */
function gatewayOf (t: Test, settings: Readonly<Record<string, string>> = {}): GatewayProcess {
  return new GatewayProcess(t, {
    PORT: '0',
    WORKERS: '2',
    REPLICA: 'gw',
    REDIS_URL: redis.url,
    REDIS_PREFIX: `${prefixes++}:`,
    MAX_CONNECTIONS_PER_ADDRESS: '0',
    ...settings
  })
}

function linesOf ({ stdout }: GatewayProcess): Line[] {
  return stdout.trim().split('\n').map((line) => JSON.parse(line) as Line)
}

function complaintsOf (gateway: GatewayProcess): unknown[] {
  return [...linesOf(gateway).filter(({ level }) => level >= 50), ...gateway.stderr.split('\n').filter(Boolean)]
}

/** The process that has a worker's name now. */
function pidOf (gateway: GatewayProcess, name: string): number {
  return linesOf(gateway).findLast(({ msg, worker }) => msg === 'a worker listens' && worker === name)!.pid!
}

function isRunning (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

type Member = Awaited<ReturnType<typeof connect>>

/** Members of a room, of whom every worker has some. */
async function members (t: Test, ws: string, count: number): Promise<Map<string, Member[]>> {
  const clients = await Promise.all(Array.from({ length: count }, () => connect(t, `${ws}?join=a`)))
  await Promise.all(clients.map((client) => client.next('joined')))
  const byName = new Map<string, Member[]>()
  for (const client of clients) {
    const name = String(client.welcome['replica'])
    byName.set(name, [...byName.get(name) ?? [], client])
  }
  return byName
}

t.test('workers share a port, each a replica of its own, and reach each other\'s members', async (t) => {
  const gateway = gatewayOf(t, { WORKERS: '3' })
  const { ws, http } = await gateway.ready()
  const byName = await members(t, ws, 30)
  t.strictSame([...byName.keys()].sort(), ['gw-1', 'gw-2', 'gw-3'])
  t.ok([...byName.values()].every(({ length }) => length >= 5), 'in turn')
  for (const [name, [speaker]] of byName) {
    t.match(await speaker!.ask({ type: 'message', room: 'a', content: `from ${name}` }), { type: 'ack' })
    for (const client of [...byName.values()].flat()) {
      t.match(await client.next('message'), { content: `from ${name}` })
    }
  }
  t.equal((await fetch(`${http}/position`)).status, 200)
  for (const said of ['listening on', 'pages: ', 'open: ']) {
    t.equal(linesOf(gateway).filter(({ msg }) => msg.startsWith(said)).length, 1, said)
  }
  t.strictSame(complaintsOf(gateway), [])
})

t.test('without REPLICA each has a random name', async (t) => {
  const byName = await members(t, (await gatewayOf(t, { REPLICA: '' }).ready()).ws, 10)
  t.equal(byName.size, 2)
})

t.test('when a worker is killed its clients can come back at once, and it is started again', async (t) => {
  const gateway = gatewayOf(t)
  const { ws } = await gateway.ready()
  const byName = await members(t, ws, 10)
  const pid = pidOf(gateway, 'gw-1')
  process.kill(pid, 'SIGKILL')
  const lost = byName.get('gw-1')!
  const backMs = await Promise.all(lost.map(async ({ closed }) => {
    t.match(await closed, { code: 1006 })
    const startMs = performance.now()
    await connect(t, ws)
    return performance.now() - startMs
  }))
  t.ok(Math.max(...backMs) < 500, `${lost.length} were back within ${Math.ceil(Math.max(...backMs))} ms`)
  t.match(await byName.get('gw-2')![0]!.ask({ type: 'ping' }), { type: 'pong' })
  await eventually('it is back', async () => pidOf(gateway, 'gw-1') !== pid)
  t.strictSame([...(await members(t, ws, 10)).keys()].sort(), ['gw-1', 'gw-2'])
  t.match(complaintsOf(gateway), [{ msg: 'a worker ended', worker: 'gw-1', code: null, signal: 'SIGKILL' }])
  t.equal(linesOf(gateway).filter(({ msg }) => msg.startsWith('pages: ')).length, 1, 'announced once')
})

for (const [signal, windowMs] of [['SIGTERM', 1_500], ['SIGINT', 1_000]] as const) {
  t.test(`${signal} drains all workers together, also where it reaches them as well`, async (t) => {
    const gateway = gatewayOf(t, { DRAIN_MS: '1500' })
    const byName = await members(t, (await gateway.ready()).ws, 8)
    for (const name of byName.keys()) process.kill(pidOf(gateway, name), signal)
    gateway.child.kill(signal)
    const startMs = performance.now()
    await Promise.all([...byName].map(async ([name, clients]) => {
      const slots = await Promise.all(clients.map(async (client) => {
        const goodbye = await client.next('goodbye')
        t.match(goodbye, { reason: 'draining', reconnect: true })
        t.match(await client.ask({ type: 'ping' }), { type: 'pong' }, 'it works as ever')
        t.match(await client.closed, { code: 1001 })
        return goodbye['afterMs'] as number
      }))
      const even = clients.map((_, n) => Math.floor(n * windowMs / clients.length))
      t.strictSame(slots.sort((a, b) => a - b), even, `${name} spreads its own over the window`)
    }))
    t.strictSame(await gateway.ended, { code: 0, signal: null })
    t.ok(performance.now() - startMs < windowMs + 3_500)
    t.strictSame(complaintsOf(gateway), [])
  })
}

t.test('with nobody connected it ends at once, even before it listens', async (t) => {
  const idle = gatewayOf(t, { DRAIN_MS: '600000' })
  await idle.ready()
  const startMs = performance.now()
  idle.child.kill('SIGTERM')
  t.strictSame(await idle.ended, { code: 0, signal: null })
  t.ok(performance.now() - startMs < 2_000)

  const early = gatewayOf(t, { LOG_LEVEL: 'debug' })
  await eventually('it has begun', async () => isRunning(early.child.pid!) && early.stdout.includes('connected to Redis'))
  early.child.kill('SIGTERM')
  t.strictSame(await early.ended, { code: 0, signal: null })
  t.strictSame(complaintsOf(early), [])
})

t.test('a second SIGINT ends all of it now', async (t) => {
  const gateway = gatewayOf(t)
  const byName = await members(t, (await gateway.ready()).ws, 4)
  for (const client of [...byName.values()].flat()) client.socket.pause()
  const pids = [...byName.keys()].map((name) => pidOf(gateway, name))
  gateway.child.kill('SIGINT')
  await gateway.says('ending')
  gateway.child.kill('SIGINT')
  t.strictSame(await gateway.ended, { code: 1, signal: null })
  await eventually('no worker is left', async () => !pids.some(isRunning))
})

t.test('a worker that hangs is killed in time, and exit code 1 says so', async (t) => {
  const gateway = gatewayOf(t, { DRAIN_MS: '200' })
  const { ws } = await gateway.ready()
  await members(t, ws, 4)
  process.kill(pidOf(gateway, 'gw-2'), 'SIGSTOP')
  const startMs = performance.now()
  gateway.child.kill('SIGTERM')
  t.strictSame(await gateway.ended, { code: 1, signal: null })
  t.ok(performance.now() - startMs < 6_000)
  t.match(complaintsOf(gateway), [{ msg: 'a worker ended', worker: 'gw-2', signal: 'SIGKILL' }])
})

t.test('workers whose primary was killed end themselves', async (t) => {
  const gateway = gatewayOf(t)
  const byName = await members(t, (await gateway.ready()).ws, 4)
  const pids = [...byName.keys()].map((name) => pidOf(gateway, name))
  gateway.child.kill('SIGKILL')
  t.strictSame(await gateway.ended, { code: null, signal: 'SIGKILL' })
  await eventually('they have ended', async () => !pids.some(isRunning))
  t.equal(linesOf(gateway).filter(({ msg }) => msg === 'the primary has gone: ending').length, 2)
})

t.test('SIGHUP restarts the workers one after the other, under load, and nobody loses anything', async (t) => {
  const gateway = gatewayOf(t, { DRAIN_MS: '1000' })
  const at = await gateway.ready()
  const roamers = await crowd(t, at, 60)
  const stop = chatter(roamers)
  const before = ['gw-1', 'gw-2'].map((name) => pidOf(gateway, name))
  const startMs = performance.now()
  gateway.child.kill('SIGHUP')
  await eventually('all are new', async () => gateway.stdout.includes('all workers were restarted'), 20_000)
  t.comment(`restarted within ${Math.round(performance.now() - startMs)} ms`)
  stop()
  await nothingMissed(t, at, roamers)
  const after = ['gw-1', 'gw-2'].map((name) => pidOf(gateway, name))
  t.ok(after.every((pid) => !before.includes(pid)))
  const goodbyes = roamers.flatMap((roamer) => roamer.goodbyes)
  t.ok(goodbyes.length >= 60, 'everyone was told')
  t.ok(goodbyes.every(({ close }) => close.code === 1001))
  t.strictSame(roamers.flatMap(({ losses }) => losses), [], 'nobody was cut off')
  // Whoever was on the first had to come to the second, and the other way round.
  const second = goodbyes.filter(({ replica }) => replica === 'gw-2')
  t.equal(second.length, 60, 'nobody was sent to the one that left')
  t.strictSame(complaintsOf(gateway), [])
  for (const roamer of roamers) roamer.leave()
  gateway.child.kill('SIGTERM')
  t.strictSame(await gateway.ended, { code: 0, signal: null })
})

t.test('SIGHUP with settings that are wrong by now costs no worker', async (t) => {
  const ROOMS_FILE = `${t.testdir({ 'rooms.json': '{"rooms":{}}' })}/rooms.json`
  const gateway = gatewayOf(t, { ROOMS_FILE, DRAIN_MS: '0' })
  const { ws } = await gateway.ready()
  writeFileSync(ROOMS_FILE, '{')
  gateway.child.kill('SIGHUP')
  await gateway.says('the workers are not restarted')
  t.equal((await members(t, ws, 4)).size, 2)

  writeFileSync(ROOMS_FILE, '{"rooms":{"a":{"kind":"live"}}}')
  gateway.child.kill('SIGHUP')
  await eventually('all are new', async () => gateway.stdout.includes('all workers were restarted'), 20_000)
  const client = await connect(t, `${ws}?join=a`)
  t.match(await client.next('joined'), { kind: 'live' }, 'the rules were read anew')
})

t.test('workers that end again and again before they listen are given up', async (t) => {
  const dir = t.testdir({ 'die.mjs': "import cluster from 'node:cluster'\nif (cluster.isWorker) process.exit(3)\n" })
  const gateway = gatewayOf(t, { NODE_OPTIONS: `--import=${dir}/die.mjs` })
  t.strictSame(await gateway.ended, { code: 1, signal: null })
  t.equal(gateway.stderr, 'tidegate: WORKERS: 5 ended within a minute that had not listened\n')
  const ends = linesOf(gateway).filter(({ msg }) => msg === 'a worker ended')
  t.match(ends, Array.from({ length: 5 }, () => ({ level: 50, code: 3 })))
})

t.test('what is wrong at the start is said once, however many workers there are', async (t) => {
  for (const WORKERS of ['auto', '2']) {
    const alone = gatewayOf(t, { WORKERS, REDIS_URL: '' })
    t.strictSame(await alone.ended, { code: 1, signal: null })
    t.equal(alone.stderr, `tidegate: WORKERS: ${WORKERS} needs REDIS_URL or REDIS_ADDR\n`)
  }
  for (const WORKERS of ['0', '-1', 'x']) {
    const bad = gatewayOf(t, { WORKERS })
    t.strictSame(await bad.ended, { code: 1, signal: null })
    t.equal(bad.stderr, `tidegate: WORKERS: must be an integer of 1 to 999, or auto, not "${WORKERS}"\n`)
  }
  const server = createServer().listen(0, '0.0.0.0')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  const { port } = server.address() as { port: number }
  const late = gatewayOf(t, { PORT: String(port) })
  t.strictSame(await late.ended, { code: 1, signal: null })
  t.equal(late.stderr, `tidegate: PORT: ${port} is taken\n`)
})
