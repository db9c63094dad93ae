import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'
import { GatewayProcess } from '../helpers/process.ts'

const MEMBERS = 5_000
const JOINING_MS = 10_000
const SETTINGS = {
  MAX_CONNECTIONS_PER_ADDRESS: '0', RATE_CONNECTIONS: '0', MAX_LOOP_DELAY_MS: '0', PORT: '0', HOST: '127.0.0.1'
}

t.setTimeout(120_000)
const redis = await RedisServer.start()
t.teardown(() => redis.stop())

/** A member that parses nothing: when it was told what comes merged, and the newest count. */
class Onlooker {
  readonly mergedMs: number[] = []
  count = 0
  isIn = false
  readonly socket: WebSocket

  constructor (test: Test, url: string) {
    this.socket = new WebSocket(url)
    test.teardown(() => this.socket.terminate())
    this.socket.on('message', (data: Buffer) => {
      const text = data.toString('latin1')
      if (text.startsWith('{"type":"joined"')) this.isIn = true
      if (!text.startsWith('{"type":"system"')) return
      if (text.startsWith('"members"', 25)) this.mergedMs.push(performance.now())
      this.count = Number(/"count":(\d+)/.exec(text)![1])
    })
    this.socket.on('error', () => {})
  }

  /** The most frames within any while of so many milliseconds. */
  mostWithin (whileMs: number): number {
    let from = 0
    return this.mergedMs.reduce((most, ms, index) => {
      while (ms - this.mergedMs[from]! >= whileMs) from++
      return Math.max(most, index - from + 1)
    }, 0)
  }
}

/** What replicas send to Redis in a while in which nobody comes or goes. */
async function commandsIn (ms: number, admin: Redis): Promise<Map<string, number>> {
  const sent = new Map<string, number>()
  const monitor = await admin.monitor()
  monitor.on('monitor', (_time: string, [name = '']: string[], source: string) => {
    if (source !== 'lua') sent.set(name.toLowerCase(), (sent.get(name.toLowerCase()) ?? 0) + 1)
  })
  await delay(ms)
  monitor.disconnect()
  return sent
}

t.test('5,000 members come within 10 s: four frames a second at most, the right count, and renewals that cost no more', async (t) => {
  const REDIS_PREFIX = `t${randomBytes(6).toString('hex')}:`
  const gateways = ['gw-a', 'gw-b'].map((REPLICA) =>
    new GatewayProcess(t, { ...SETTINGS, REDIS_URL: redis.url, REDIS_PREFIX, REPLICA }))
  const urls = (await Promise.all(gateways.map((gateway) => gateway.ready()))).map(({ ws }) => ws)
  const admin = new Redis(redis.url)
  t.teardown(() => admin.disconnect())
  const before = await commandsIn(6_000, admin)

  const crowd: Onlooker[] = []
  const begunMs = performance.now()
  while (crowd.length < MEMBERS) {
    crowd.push(new Onlooker(t, `${urls[crowd.length % 2]!}?user=user-${crowd.length}&join=hall`))
    const dueMs = begunMs + crowd.length / MEMBERS * JOINING_MS
    if (crowd.length % 25 === 0 && dueMs > performance.now()) await delay(dueMs - performance.now())
  }
  await eventually('all are in', async () => crowd.every(({ isIn }) => isIn), 60_000)
  t.comment(`${MEMBERS} joined within ${Math.round(performance.now() - begunMs)} ms`)
  const wrong = (): number => crowd.filter(({ count }) => count !== MEMBERS).length
  // The last to come are told of nobody after them, and of themselves only where it came merged.
  await eventually('everyone has the right count', async () => wrong() === 0, 15_000)
  const mostWithin = (whileMs: number): number => Math.max(...crowd.map((one) => one.mostWithin(whileMs)))
  t.comment(`the most merged frames that anybody got in 1 s: ${mostWithin(1_000)}; in 3 s: ${mostWithin(3_000)}`)
  // All clients share this process, which reads late at times: then two come together.
  t.ok(mostWithin(3_000) <= 3 * 4)

  const after = await commandsIn(6_000, admin)
  t.comment(`commands in 6 s, nobody there: ${JSON.stringify([...before])}; ${MEMBERS} members: ${JSON.stringify([...after])}`)
  t.ok((before.get('evalsha') ?? 0) > 0, 'renewals were counted')
  t.ok((after.get('evalsha') ?? 0) <= (before.get('evalsha') ?? 0) + 2)
})
