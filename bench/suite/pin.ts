import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

export interface Command { readonly command: string, readonly args: readonly string[] }

export const SERVERS_CPU = 0
export const GENERATORS_CPU = 1

const isThere = (program: string): boolean => spawnSync(program, ['--version']).status === 0

/** Whether a server and its load can be kept on processors of their own. */
export const canPin = availableParallelism() > 1 && isThere('taskset')

/** The same on one processor, where there is util-linux's taskset; it keeps its process id. */
export function pinned (cpu: number, { command, args }: Command): Command {
  return canPin ? { command: 'taskset', args: ['-c', String(cpu), command, ...args] } : { command, args }
}

/** The same, run only where nobody else wants the processor (sched(7), SCHED_IDLE). */
export function idly ({ command, args }: Command): Command {
  return isThere('chrt') ? { command: 'chrt', args: ['--idle', '0', command, ...args] } : { command, args }
}

/** This process, too, leaves the servers their processor, with all its threads. */
export function pinSelf (cpu: number): void {
  if (canPin) moveTo(cpu, '-acp', process.pid)
}

/** The thread alone with which a process began, that of Node's event loop: V8's helpers stay where they are. */
export function pinMainThread (pid: number, cpu: number): void {
  if (canPin) moveTo(cpu, '-cp', pid)
}

function moveTo (cpu: number, how: '-cp' | '-acp', pid: number): void {
  const { status, stderr } = spawnSync('taskset', [how, String(cpu), String(pid)], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`taskset ${how} ${cpu} ${pid}: ${stderr.trim()}`)
}
