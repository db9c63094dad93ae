import { readdir, readFile } from 'node:fs/promises'
import type { RedisServer } from '../cluster/redis.ts'
import type { Replica } from '../cluster/replica.ts'
import { asAdmin } from './admin.ts'

/** What a cluster holds on to. */
interface Footprint {
  /** Of each replica: resident memory, and open files, sockets among them (Linux; else none). */
  readonly memoryMiB: readonly number[]
  readonly files: readonly number[]
  /** In Redis: channels that are subscribed, and keys that would stay for ever. */
  readonly channels: number
  readonly lastingKeys: number
}

// What V8 and the allocator keep of a busy time.
const MEMORY_SLACK_MIB = 150
// The runtime opens some on demand.
const FILES_SLACK = 10

export async function footprint (replicas: readonly Replica[], redis: RedisServer): Promise<Footprint> {
  return await asAdmin(redis.url, async (admin) => {
    const channels = await admin.call('PUBSUB', 'CHANNELS') as string[]
    const keys = await admin.keys('*')
    const ttls = await Promise.all(keys.map((key) => admin.pttl(key)))
    return {
      memoryMiB: await Promise.all(replicas.map(({ child }) => memoryMiB(child.pid))),
      files: await Promise.all(replicas.map(({ child }) => files(child.pid))),
      channels: channels.length,
      lastingKeys: ttls.filter((ttl) => ttl < 0).length
    }
  })
}

/** What has not come back to where it was; empty where all has. */
export function isBack (before: Footprint, after: Footprint): string[] {
  const problems: string[] = []
  after.memoryMiB.forEach((memory, index) => {
    if (memory > before.memoryMiB[index]! + MEMORY_SLACK_MIB) problems.push(`memory: ${before.memoryMiB[index]} MiB before, ${memory} after`)
  })
  after.files.forEach((open, index) => {
    if (open > before.files[index]! + FILES_SLACK) problems.push(`files: ${before.files[index]} before, ${open} after`)
  })
  if (after.channels > before.channels) problems.push(`channels: ${before.channels} before, ${after.channels} after`)
  if (after.lastingKeys > before.lastingKeys) problems.push(`keys without an end: ${after.lastingKeys}`)
  return problems
}

async function memoryMiB (pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024)
}

async function files (pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`).catch(() => [])).length
}
