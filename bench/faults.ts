import { setTimeout as delay } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { Replica } from '../cluster/replica.ts'
import { RedisServer } from '../cluster/redis.ts'
import { eventually } from '../cluster/until.ts'
import type { TcpProxy } from '../test/helpers/tcp-proxy.ts'
import { asAdmin } from './admin.ts'
import type { Random } from './random.ts'
import type { Resumer } from './resumer.ts'

/** What faults strike: Redis, a proxy before it for each replica, replicas where they are processes, and clients. */
export interface Target {
  redis: RedisServer
  readonly proxies: readonly TcpProxy[]
  readonly replicas: readonly Replica[]
  readonly clients: readonly Resumer[]
  /** Called where the log is about to be lost, rewound or forked. */
  readonly damaged: () => void
}

export interface Fault {
  readonly name: string
  /** Whether the log survives it: then there may be no gap. */
  readonly isLogIntact: boolean
  /** How soon everything must work again when it is over. */
  readonly healMs: number
  /** What it strikes: two that strike the same are not tried at once, because they would get in each other's way. */
  readonly where: 'redis' | 'network' | 'replicas' | 'clients'
  /** An answer that publishers must have got, or it did not strike. */
  readonly answer?: 'unavailable' | 'unknown_outcome'
  /** It can't heal sooner, or it did not strike. */
  readonly leastHealMs?: number
  /** Resolves when what was broken is back. */
  strike (target: Target, random: Random): Promise<void>
}

const HEAL_MS = 3_000
// Where only the probe can tell.
const PROBE_HEAL_MS = 15_000
// Two and a half of a client's intervals of silence, and a connection.
const CLIENT_SILENCE_HEAL_MS = 9_000

function pick<Item> (items: readonly Item[], random: Random): Item {
  return items[Math.floor(random() * items.length)]!
}

/** Names as in the catalogue of faults (docs/reliability.md). */
export const FAULTS: readonly Fault[] = [
  {
    name: 'A1 Redis is killed, and comes back empty',
    where: 'redis',
    answer: 'unavailable',
    isLogIntact: false,
    healMs: HEAL_MS,
    strike: async ({ redis, damaged }, random) => {
      damaged()
      await redis.kill()
      // What was acked in between is gone, too.
      damaged()
      await delay(500 + 1_500 * random())
      await redis.forget()
      await redis.run()
    }
  },
  {
    name: 'A2 Redis is killed, and comes back with an older dump',
    where: 'redis',
    answer: 'unavailable',
    isLogIntact: false,
    healMs: HEAL_MS,
    strike: async (target, random) => {
      await asAdmin(target.redis.url, (admin) => admin.save())
      await delay(300 + 500 * random())
      target.damaged()
      await target.redis.kill()
      target.damaged()
      await delay(300 + 700 * random())
      await target.redis.run()
    }
  },
  {
    name: 'A3 Redis is frozen',
    where: 'redis',
    answer: 'unknown_outcome',
    isLogIntact: true,
    healMs: HEAL_MS,
    strike: async ({ redis }, random) => {
      redis.freeze(true)
      await delay(1_000 + 9_000 * random())
      redis.freeze(false)
    }
  },
  {
    name: 'A4 subscribers are killed every 2 s',
    where: 'redis',
    isLogIntact: true,
    healMs: HEAL_MS,
    strike: async (target) => {
      for (let times = 0; times < 3; times++) {
        const killed = await asAdmin(target.redis.url, (admin) => admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub'))
        if (killed === 0) throw new Error('there was no subscriber to kill')
        await delay(2_000)
      }
    }
  },
  {
    name: 'A5 a subscriber is cut off by its output buffer limit',
    where: 'redis',
    isLogIntact: true,
    healMs: HEAL_MS,
    strike: async (target, random) => {
      const proxy = pick(target.proxies, random)
      await asAdmin(target.redis.url, async (admin) => {
        await admin.config('SET', 'client-output-buffer-limit', 'pubsub 64kb 32kb 1')
        const before = await subscribers(admin)
        proxy.stall(true)
        // Nobody reads, and the kernel's own buffers are large: it takes megabytes before Redis notices.
        const filler = Buffer.alloc(100_000, 'x')
        const channels = await admin.call('PUBSUB', 'CHANNELS') as string[]
        const room = channels.find((channel) => channel.includes('{'))!
        for (let n = 0; n < 400 && await subscribers(admin) === before; n++) await admin.publish(room, filler)
        const isCutOff = await subscribers(admin) !== before
        proxy.stall(false)
        await admin.config('SET', 'client-output-buffer-limit', 'pubsub 32mb 8mb 60')
        if (!isCutOff) throw new Error('Redis did not cut anybody off')
      })
    }
  },
  {
    name: "A6 A8 a replica's connections to Redis are half-open",
    where: 'network',
    leastHealMs: 1_000,
    isLogIntact: true,
    healMs: HEAL_MS,
    strike: async ({ proxies }, random) => pick(proxies, random).mute()
  },
  {
    name: 'A7 a subscriber answers pings, and hears nothing',
    where: 'network',
    leastHealMs: 2_000,
    isLogIntact: true,
    healMs: PROBE_HEAL_MS,
    strike: async ({ proxies }, random) => pick(proxies, random).deafen()
  },
  {
    name: 'A9 replies are lost after execution',
    where: 'network',
    answer: 'unknown_outcome',
    isLogIntact: true,
    healMs: HEAL_MS,
    strike: async ({ proxies }) => {
      const dropped = Promise.any(proxies.map((proxy) => proxy.dropReply('evalsha').then(() => true)))
      const isDropped = await Promise.race([dropped, delay(5_000)])
      for (const proxy of proxies) proxy.disarm()
      if (isDropped !== true) throw new Error('no reply was dropped')
    }
  },
  {
    name: 'A11 the scripts are flushed',
    where: 'redis',
    isLogIntact: true,
    healMs: HEAL_MS,
    strike: async (target) => { await asAdmin(target.redis.url, (admin) => admin.script('FLUSH')) }
  },
  {
    name: 'A12 memory is full',
    where: 'redis',
    answer: 'unavailable',
    isLogIntact: true,
    healMs: HEAL_MS,
    strike: async (target, random) => {
      await asAdmin(target.redis.url, (admin) => admin.config('SET', 'maxmemory', '1'))
      await delay(500 + 1_500 * random())
      await asAdmin(target.redis.url, (admin) => admin.config('SET', 'maxmemory', '0'))
    }
  },
  {
    name: 'A15 Redis fails over to a replica without the newest messages',
    where: 'redis',
    isLogIntact: false,
    healMs: HEAL_MS,
    strike: async (target, random) => {
      const primary = target.redis
      // By default a primary waits 5 s for other replicas that want a copy.
      await asAdmin(target.redis.url, (admin) => admin.config('SET', 'repl-diskless-sync-delay', '0'))
      const replica = await RedisServer.start()
      await asAdmin(replica.url, async (admin) => {
        await admin.replicaof('127.0.0.1', primary.port)
        await eventually('it replicates', async () => (await admin.info('replication')).includes('master_link_status:up'))
        // The link breaks; what is published from now on is acked, and lost.
        await admin.replicaof('127.0.0.1', 1)
        await delay(200 + 500 * random())
        target.damaged()
        for (const proxy of target.proxies) proxy.targetPort = replica.port
        await primary.stop()
        target.damaged()
        await admin.replicaof('NO', 'ONE')
      })
      target.redis = replica
    }
  },
  {
    name: 'A17 Redis becomes a replica for a while',
    where: 'redis',
    answer: 'unavailable',
    isLogIntact: true,
    healMs: HEAL_MS,
    strike: async (target, random) => {
      await asAdmin(target.redis.url, (admin) => admin.replicaof('127.0.0.1', 1))
      await delay(500 + 1_500 * random())
      await asAdmin(target.redis.url, (admin) => admin.replicaof('NO', 'ONE'))
    }
  },
  {
    name: 'A18 Redis is busy with a script that does not end',
    where: 'redis',
    answer: 'unavailable',
    isLogIntact: true,
    healMs: HEAL_MS,
    strike: async (target, random) => {
      await asAdmin(target.redis.url, async (admin) => {
        await admin.config('SET', 'busy-reply-threshold', '100')
        const busy = admin.eval('while true do end', 0).catch(() => {})
        await delay(1_000 + 3_000 * random())
        await asAdmin(target.redis.url, async (other) => { await other.script('KILL') })
        await busy
      })
    }
  },
  {
    name: 'A21 Redis is 200 ms away',
    where: 'network',
    isLogIntact: true,
    healMs: HEAL_MS,
    strike: async ({ proxies }) => {
      for (const proxy of proxies) proxy.delayMs = 100
      await delay(3_000)
      for (const proxy of proxies) proxy.delayMs = 0
    }
  },
  {
    name: 'connections to Redis are cut',
    where: 'network',
    isLogIntact: true,
    healMs: HEAL_MS,
    strike: async ({ proxies }, random) => pick(proxies, random).cut()
  },
  {
    name: 'clients are cut, and are away for 2 s',
    where: 'clients',
    isLogIntact: true,
    healMs: HEAL_MS + 2_000,
    strike: async ({ clients }, random) => {
      const cut = clients.filter((client) => random() < 0.5 && client.cut(2_000 * random()))
      if (cut.length === 0) throw new Error('nobody was cut')
    }
  },
  {
    name: 'B13 a replica is killed',
    where: 'replicas',
    isLogIntact: true,
    healMs: HEAL_MS,
    strike: async ({ replicas }, random) => {
      const replica = pick(replicas, random)
      await replica.stop('SIGKILL')
      await replica.start()
    }
  },
  {
    name: 'B14 a replica is frozen for 20 s',
    where: 'replicas',
    isLogIntact: true,
    healMs: CLIENT_SILENCE_HEAL_MS,
    strike: async ({ replicas }, random) => {
      const { child } = pick(replicas, random)
      child.process.kill('SIGSTOP')
      await delay(20_000)
      child.process.kill('SIGCONT')
    }
  },
  {
    name: 'C1 a replica is rolled',
    where: 'replicas',
    isLogIntact: true,
    healMs: HEAL_MS,
    strike: async ({ replicas }, random) => {
      const replica = pick(replicas, random)
      await replica.stop('SIGTERM')
      await replica.start()
    }
  }
]

/** By its letter, such as A1, or by a part of its name. @throws Error where there is none */
export function faultsNamed (text: string): readonly Fault[] {
  const isNamed = /^[A-Z]\d+$/i.test(text)
    ? ({ name }: Fault) => name.split(' ').includes(text.toUpperCase())
    : ({ name }: Fault) => name.includes(text)
  const found = text === '' ? [] : FAULTS.filter(isNamed)
  if (found.length === 0) throw new Error(`--only: no fault is called ${JSON.stringify(text)}`)
  return found
}

async function subscribers (admin: Redis): Promise<number> {
  return String(await admin.call('CLIENT', 'LIST', 'TYPE', 'pubsub')).split('\n').length
}
