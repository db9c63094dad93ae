import { randomBytes } from 'node:crypto'
import t from 'tap'
import { MemoryReplicas } from '../../src/replicas/memory.ts'
import { RedisReplicas } from '../../src/replicas/redis.ts'
import type { ReplicaReport } from '../../src/replicas/replicas.ts'
import { RedisConnections } from '../../src/redis/connections.ts'
import { Keys } from '../../src/redis/keys.ts'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'

const redis = await RedisServer.start()
t.teardown(() => redis.stop())

const TIMES = { toldEveryMs: 50, goneAfterMs: 1_000 }
const silent = { info: () => {}, warn: () => {}, error: () => {} }

function report (replica: string, connections: number): ReplicaReport {
  return { replica, connections, rooms: 2, deliveries: 3 }
}

t.test('each replica is seen by all, as it is now; who stops is gone at once, and who dies after a while', async (t) => {
  const keys = new Keys(`test-${randomBytes(6).toString('hex')}:`)
  const make = async (name: string): Promise<readonly [RedisReplicas, RedisConnections]> => {
    const connections = new RedisConnections({ url: redis.url }, name, silent)
    connections.start()
    t.teardown(() => connections.stop())
    await eventually('Redis is connected', async () => connections.isReady)
    return [new RedisReplicas(connections, keys, TIMES), connections]
  }
  const [[a], [b], [c, ofC]] = [await make('a'), await make('b'), await make('c')]
  const names = async (): Promise<string> => (await a.list()).map(({ replica }) => replica).join()
  let connections = 7
  b.start(() => report('b', connections))
  a.start(() => report('a', 1))
  c.start(() => report('c', 0))
  t.teardown(() => Promise.all([a.stop(), c.stop()]))
  await eventually('all are told of', async () => await names() === 'a,b,c')
  t.strictSame((await a.list())[1], report('b', 7))
  connections = 8
  await eventually('what changed is told', async () => (await a.list())[1]!.connections === 8)
  await b.stop()
  t.equal(await names(), 'a,c')
  await ofC.stop()
  t.equal(await names(), 'a,c', 'it may only be slow')
  await eventually('the one that said nothing is gone', async () => await names() === 'a')
})

t.test('the embedded one knows itself', async (t) => {
  const replicas = new MemoryReplicas()
  t.strictSame(await replicas.list(), [])
  replicas.start(() => report('only', 4))
  t.strictSame(await replicas.list(), [report('only', 4)])
  await replicas.stop()
  t.strictSame(await replicas.list(), [])
})
