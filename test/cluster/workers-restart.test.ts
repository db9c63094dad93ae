import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import t from 'tap'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'
import { connect } from '../helpers/client.ts'
import { chatter, crowd, nothingMissed } from '../helpers/cluster.ts'
import { complaintsOf, gatewayOf, linesOf, members, pidOf } from '../helpers/workers.ts'

t.setTimeout(180_000)

const redis = await RedisServer.start()
t.teardown(() => redis.stop())

t.test('SIGHUP restarts the workers one after the other, under load, and nobody loses anything', async (t) => {
  const gateway = gatewayOf(t, redis, { DRAIN_MS: '1000' })
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
  const gateway = gatewayOf(t, redis, { ROOMS_FILE, DRAIN_MS: '0' })
  const { ws } = await gateway.ready()
  writeFileSync(ROOMS_FILE, '{')
  gateway.child.kill('SIGHUP')
  await gateway.says('the workers are not restarted')
  t.equal((await members(t, ws, 4)).size, 2)

  writeFileSync(ROOMS_FILE, '{"rooms":{"a":{"kind":"live"}}}')
  gateway.child.kill('SIGHUP')
  await eventually('all are new', async () => gateway.stdout.includes('all workers were restarted'), 20_000)
  const client = await connect(t, `${ws}?join=a`)
  t.notOk('seq' in await client.next('joined'), 'the rules were read anew: a live room has no numbers')
})

t.test('workers that end again and again before they listen are given up', async (t) => {
  const dir = t.testdir({ 'die.mjs': "import cluster from 'node:cluster'\nif (cluster.isWorker) process.exit(3)\n" })
  const gateway = gatewayOf(t, redis, { NODE_OPTIONS: `--import=${dir}/die.mjs` })
  t.strictSame(await gateway.ended, { code: 1, signal: null })
  t.equal(gateway.stderr, 'tidegate: WORKERS: 5 ended within a minute that had not listened\n')
  const ends = linesOf(gateway).filter(({ msg }) => msg === 'a worker ended')
  t.match(ends, Array.from({ length: 5 }, () => ({ level: 50, code: 3 })))
})

t.test('what is wrong at the start is said once, however many workers there are', async (t) => {
  for (const WORKERS of ['auto', '2']) {
    const alone = gatewayOf(t, redis, { WORKERS, REDIS_URL: '' })
    t.strictSame(await alone.ended, { code: 1, signal: null })
    t.equal(alone.stderr, `tidegate: WORKERS: ${WORKERS} needs REDIS_URL or REDIS_ADDR\n`)
  }
  for (const WORKERS of ['0', '-1', 'x']) {
    const bad = gatewayOf(t, redis, { WORKERS })
    t.strictSame(await bad.ended, { code: 1, signal: null })
    t.equal(bad.stderr, `tidegate: WORKERS: must be an integer of 1 to 999, or auto, not "${WORKERS}"\n`)
  }
  const server = createServer().listen(0, '0.0.0.0')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  const { port } = server.address() as { port: number }
  const late = gatewayOf(t, redis, { PORT: String(port) })
  t.strictSame(await late.ended, { code: 1, signal: null })
  t.equal(late.stderr, `tidegate: PORT: ${port} is taken\n`)
})
