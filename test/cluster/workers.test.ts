import t from 'tap'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'
import { isLetIn } from '../helpers/client.ts'
import { complaintsOf, gatewayOf, isRunning, linesOf, members, pidOf } from '../helpers/workers.ts'

t.setTimeout(180_000)

const redis = await RedisServer.start()
t.teardown(() => redis.stop())

t.test('workers share a port, each a replica of its own, and reach each other\'s members', async (t) => {
  const gateway = gatewayOf(t, redis, { WORKERS: '3' })
  const { ws, http } = await gateway.ready()
  const byName = await members(t, ws, 30)
  t.strictSame([...byName.keys()].sort(), ['gw-1', 'gw-2', 'gw-3'])
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
  const byName = await members(t, (await gatewayOf(t, redis, { REPLICA: '' }).ready()).ws, 10)
  t.equal(byName.size, 2)
})

t.test('when a worker is killed its clients can come back at once, and it is started again', async (t) => {
  const gateway = gatewayOf(t, redis)
  const { ws } = await gateway.ready()
  const byName = await members(t, ws, 10)
  const pid = pidOf(gateway, 'gw-1')
  process.kill(pid, 'SIGKILL')
  const lost = byName.get('gw-1')!
  const backMs = await Promise.all(lost.map(async ({ closed }) => {
    t.match(await closed, { code: 1006 })
    const startMs = performance.now()
    // One that is on its way to the worker in the moment of its death is reset, and comes again.
    await eventually('it is let in', () => isLetIn(ws))
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
    const gateway = gatewayOf(t, redis, { DRAIN_MS: '1500' })
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
  const idle = gatewayOf(t, redis, { DRAIN_MS: '600000' })
  await idle.ready()
  const startMs = performance.now()
  idle.child.kill('SIGTERM')
  t.strictSame(await idle.ended, { code: 0, signal: null })
  t.ok(performance.now() - startMs < 2_000)

  const early = gatewayOf(t, redis, { LOG_LEVEL: 'debug' })
  await eventually('it has begun', async () => isRunning(early.child.pid!) && early.stdout.includes('connected to Redis'))
  early.child.kill('SIGTERM')
  const earlyMs = performance.now()
  t.strictSame(await early.ended, { code: 0, signal: null })
  t.ok(performance.now() - earlyMs < 3_000)
  t.strictSame(complaintsOf(early), [])
})

t.test('a second SIGINT ends all of it now', async (t) => {
  const gateway = gatewayOf(t, redis)
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
  const gateway = gatewayOf(t, redis, { DRAIN_MS: '200' })
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
  const gateway = gatewayOf(t, redis)
  const byName = await members(t, (await gateway.ready()).ws, 4)
  const pids = [...byName.keys()].map((name) => pidOf(gateway, name))
  gateway.child.kill('SIGKILL')
  t.strictSame(await gateway.ended, { code: null, signal: 'SIGKILL' })
  await eventually('they have ended', async () => !pids.some(isRunning))
  t.equal(linesOf(gateway).filter(({ msg }) => msg === 'the primary has gone: ending').length, 2)
})
