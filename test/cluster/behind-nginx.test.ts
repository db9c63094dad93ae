import t from 'tap'
import { smoke } from '../../cluster/smoke.ts'
import { eventually } from '../../cluster/until.ts'
import { Client } from '../helpers/client.ts'
import { chatter, complaints, crowd, nothingMissed, startCluster } from '../helpers/cluster.ts'
import { Roamer } from '../helpers/roamer.ts'

t.test('the smoke test of a deployment', async (t) => {
  const { cluster, said } = await startCluster(t)
  for (const { what, run } of smoke(cluster.http, 3)) await t.resolves(run(), what)
  t.strictSame(await complaints(cluster, said), [])
})

t.test('three replicas, sticky, until one goes', async (t) => {
  const { cluster } = await startCluster(t, { DRAIN_MS: '600000' })
  const cookies = new Map<string, string>()
  const enter = async (cookie?: string): Promise<string> => {
    const client = new Client(cluster.ws, { headers: cookie === undefined ? {} : { cookie } })
    let given = cookie
    client.socket.on('upgrade', ({ headers }) => { given ??= headers['set-cookie']![0]!.split(';')[0]! })
    t.teardown(() => client.socket.terminate())
    const replica = String((await client.next('welcome'))['replica'])
    cookies.set(replica, given!)
    return replica
  }

  await t.test('300 clients without a cookie spread over three replicas within 40 %', async (t) => {
    const counts = new Map<string, number>()
    for (let n = 0; n < 300; n++) {
      const replica = await enter()
      counts.set(replica, (counts.get(replica) ?? 0) + 1)
    }
    t.comment(JSON.stringify(Object.fromEntries(counts)))
    t.equal(counts.size, 3)
    for (const [replica, count] of counts) t.ok(count >= 60 && count <= 140, `${replica}: ${count}`)
  })

  await t.test('one cookie lands on one replica 50 times of 50', async (t) => {
    const replicas = new Set<string>()
    for (let n = 0; n < 50; n++) replicas.add(await enter(cookies.get('gateway-b')))
    t.strictSame([...replicas], ['gateway-b'])
  })

  await t.test('with its cookie of a draining replica a client lands on another at once', async (t) => {
    const stopping = cluster.replica('gateway-a').stop('SIGTERM')
    await eventually('it drains', async () => (await fetch(`${cluster.replica('gateway-a').http}/readyz`)).status === 503)
    const startMs = performance.now()
    for (let n = 0; n < 20; n++) t.not(await enter(cookies.get('gateway-a')), 'gateway-a')
    t.ok((performance.now() - startMs) / 20 < 250, 'at once')
    cluster.replica('gateway-a').child.process.kill('SIGTERM')
    t.match(await stopping, { code: 1 }, 'a second signal ends it now')
  })
})

t.test('a replica killed with -9 is survived by coming back to another within 2 s', async (t) => {
  const { cluster } = await startCluster(t)
  const roamers = await crowd(t, cluster, 60)
  const victims = roamers.filter(({ replica }) => replica === 'gateway-c')
  t.ok(victims.length > 0)
  await cluster.replica('gateway-c').stop('SIGKILL')
  await eventually('they are back', async () => victims.every(({ losses }) => losses.length === 1))
  t.ok(victims.every(({ replica }) => replica !== 'gateway-c'))
  const slowest = Math.max(...victims.map(({ losses }) => losses[0]!.backMs))
  t.comment(`${victims.length} clients, the slowest back after ${Math.round(slowest)} ms`)
  t.ok(slowest < 2_000)
  t.ok(roamers.every((roamer) => victims.includes(roamer) || roamer.losses.length === 0), 'nobody else noticed')

  await cluster.replica('gateway-c').start()
  const cookies = new Set<string>()
  for (let n = 0; n < 30; n++) cookies.add((await Roamer.start(t, cluster.ws, 'yard', `new${n}`)).replica)
  t.ok(cookies.has('gateway-c'), 'back on its port, it is found again')
})

t.test('nginx -s reload under load loses nobody', async (t) => {
  const { cluster, said } = await startCluster(t)
  const roamers = await crowd(t, cluster, 60)
  const stop = chatter(roamers)
  for (let n = 0; n < 3; n++) {
    const started = (): number => said.filter(({ line }) => line.includes('start worker process ')).length
    const before = started()
    await cluster.nginx.reload()
    await eventually('new workers run', async () => started() > before)
    await crowd(t, cluster, 5)
  }
  stop()
  await nothingMissed(t, cluster, roamers)
  t.strictSame(roamers.flatMap(({ losses }) => losses), [])
  t.strictSame(await complaints(cluster, said), [])
})

t.test('connections that nginx would cut long after a reload have been sent to come anew before', async (t) => {
  const { cluster, said } = await startCluster(t, { MAX_CONNECTION_AGE_MS: '1500' })
  const roamers = await crowd(t, cluster, 30)
  const old = said.flatMap(({ line }) => /start worker process (\d+)/.exec(line)?.[1] ?? [])
  await cluster.nginx.reload()
  await eventually('old workers have ended by themselves', async () =>
    old.every((pid) => said.some(({ line }) => line.includes(`worker process ${pid} exited with code 0`))), 10_000)
  t.ok(roamers.every(({ goodbyes }) => goodbyes.length > 0 && goodbyes.every(({ close }) => close.code === 1001)))
  t.strictSame(roamers.flatMap(({ losses }) => losses), [])
})
