import type { Test } from 'tap'
import type { RedisServer } from '../../cluster/redis.ts'
import { connect } from './client.ts'
import { GatewayProcess } from './process.ts'

let prefixes = 0

interface Line {
  readonly level: number
  readonly msg: string
  readonly worker?: string
  readonly pid?: number
}

/** A gateway of several workers, with rooms that no other test has. */
export function gatewayOf (
  t: Test, redis: RedisServer, settings: Readonly<Record<string, string>> = {}
): GatewayProcess {
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

export function linesOf ({ stdout }: GatewayProcess): Line[] {
  return stdout.trim().split('\n').map((line) => JSON.parse(line) as Line)
}

export function complaintsOf (gateway: GatewayProcess): unknown[] {
  return [...linesOf(gateway).filter(({ level }) => level >= 50), ...gateway.stderr.split('\n').filter(Boolean)]
}

/** The process that has a worker's name now. */
export function pidOf (gateway: GatewayProcess, name: string): number {
  return linesOf(gateway).findLast(({ msg, worker }) => msg === 'a worker listens' && worker === name)!.pid!
}

export function isRunning (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

type Member = Awaited<ReturnType<typeof connect>>

/** Members of a room, of whom every worker has some. */
export async function members (t: Test, ws: string, count: number): Promise<Map<string, Member[]>> {
  const clients = await Promise.all(Array.from({ length: count }, () => connect(t, `${ws}?join=a`)))
  await Promise.all(clients.map((client) => client.next('joined')))
  const byName = new Map<string, Member[]>()
  for (const client of clients) {
    const name = String(client.welcome['replica'])
    byName.set(name, [...byName.get(name) ?? [], client])
  }
  return byName
}
