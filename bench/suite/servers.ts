import { fileURLToPath } from 'node:url'
import { Child } from '../../cluster/child.ts'
import { fromBuild, Replica } from '../../cluster/replica.ts'
import type { ProtocolName } from '../load/protocols.ts'
import { type Command, pinned, SERVERS_CPU } from './pin.ts'

/** A server that runs. */
export interface Server {
  readonly port: number
  readonly pid: number
  readonly child: Child
  stop (): Promise<void>
}

/** A sort of server that is measured. */
export interface Subject {
  readonly name: string
  readonly protocol: ProtocolName
  start (redisUrl: string, options?: StartOptions): Promise<Server>
}

interface StartOptions {
  /** The processor it stays on; the servers' where it is not given. */
  readonly cpu?: number
  /** Replicas that share it see each other. */
  readonly scope?: string
}

/** What every limit is turned off by. */
const UNLIMITED = {
  RATE_REQUESTS: '0',
  RATE_PUBLISHES: '0',
  RATE_BYTES: '0',
  RATE_USER_PUBLISHES: '0',
  RATE_HTTP: '0',
  RATE_CONNECTIONS: '0',
  MAX_CONNECTIONS: '0',
  MAX_CONNECTIONS_PER_ADDRESS: '0',
  MAX_LOOP_DELAY_MS: '0'
}
const TEXTBOOK = fileURLToPath(new URL('../peers/textbook.js', import.meta.url))
const SOCKET_IO = fileURLToPath(new URL('../../../bench/peers/socket-io/server.mjs', import.meta.url))
const COLLECT = new URL('../peers/collect-on-signal.js', import.meta.url).href
/** What a server is started with whose memory is asked for (held.ts). */
export const MEASURED = ['--expose-gc', '--import', COLLECT]

let scopes = 0

/** The gateway that was compiled with this file, all its limits off. */
export function tidegate (name = 'Tidegate', settings: Readonly<Record<string, string>> = {}): Subject {
  return {
    name,
    protocol: 'flat',
    start: async (redisUrl, { cpu = SERVERS_CPU, scope = newScope() } = {}) => {
      const launcher: typeof fromBuild = (given) => {
        const { command, args, env } = fromBuild(given)
        return { ...pinned(cpu, { command, args: [...MEASURED, ...args] }), env }
      }
      const all = { ...UNLIMITED, ...settings, REDIS_URL: redisUrl, REDIS_PREFIX: `bench-${scope}:` }
      const replica = new Replica(`bench-${scopes++}`, launcher, all, () => {})
      await replica.start()
      const { child, port } = replica
      return { child, port, pid: child.pid, stop: async () => { await replica.stop('SIGKILL') } }
    }
  }
}

export const socketIo = script('Socket.IO', 'socket.io', SOCKET_IO)
export const textbook = script('textbook ws', 'flat', TEXTBOOK)

/** The program that sends once per delivery; there is no Redis in its path. */
export function floor (program: string): Subject {
  return {
    name: 'floor (C)',
    protocol: 'bare',
    start: async (_, { cpu = SERVERS_CPU } = {}) => await listening({ command: program, args: [] }, cpu)
  }
}

function script (name: string, protocol: ProtocolName, file: string): Subject {
  return {
    name,
    protocol,
    start: async (redisUrl, { cpu = SERVERS_CPU, scope = newScope() } = {}) => await listening(
      { command: process.execPath, args: [...MEASURED, file] }, cpu, { REDIS_URL: redisUrl, SCOPE: `${scope}:` })
  }
}

async function listening (what: Command, cpu: number, settings: NodeJS.ProcessEnv = {}): Promise<Server> {
  const { command, args } = pinned(cpu, what)
  const child = await Child.spawn(command, args, { env: { ...process.env, ...settings, PORT: '0' } })
  const [, port] = await child.says(/listening on (\d+)/)
  return { child, port: Number(port), pid: child.pid, stop: async () => { await child.end('SIGKILL') } }
}

/** One that nobody has had. */
export function newScope (): string {
  return `${process.pid}-${scopes++}`
}
