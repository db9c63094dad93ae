import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { canPin } from './pin.ts'

/** Where and with what it was measured, line by line. */
export function describeMachine (): string[] {
  const peer = createRequire(new URL('../../../bench/peers/socket-io/', import.meta.url))
  const version = (name: string): string => readVersion(peer, name)
  const ours = createRequire(import.meta.url)
  return [
    `${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} processors (${cpus()[0]?.model.trim() ?? 'unknown'}), ` +
      `${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${release()}`,
    `Node ${process.versions.node}, ${firstLine('redis-server', '--version').replace(/ sha=.*/, '')}, ${firstLine('cc', '--version')}`,
    `ws ${readVersion(ours, 'ws')}, ioredis ${readVersion(ours, 'ioredis')}; Socket.IO ${version('socket.io')}, ` +
      `@socket.io/redis-adapter ${version('@socket.io/redis-adapter')} with ioredis ${version('ioredis')}`,
    canPin
      ? 'servers on processor 0, load generators on processor 1, Redis where the kernel puts it; loopback'
      : 'nothing is pinned to a processor; loopback'
  ]
}

function readVersion (require: NodeJS.Require, name: string): string {
  try {
    return (JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8')) as { version: string }).version
  } catch {
    return 'of unknown version'
  }
}

function firstLine (program: string, option: string): string {
  try {
    return execFileSync(program, [option], { encoding: 'utf8' }).split('\n')[0]!
  } catch {
    return `no ${program}`
  }
}
