import { readFileSync } from 'node:fs'

// For the log, Redis, the pages, and requests over HTTP that are under way.
const OTHER_FILES = 64
const NO_SOCKETS = 32

export interface FileBudget {
  /** How many WebSockets fit. */
  readonly connections: number
  /** And how many sockets altogether: past the limit the system ends them without a word. */
  readonly sockets: number
}

/** What the limit of open files (`ulimit -n`) leaves to connections; Infinity where the system does not tell. */
export function fileBudget (read: () => string = () => readFileSync('/proc/self/limits', 'utf8')): FileBudget {
  let limits = ''
  try {
    limits = read()
  } catch {
    // Not Linux.
  }
  const files = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity)
  return { connections: Math.max(1, files - OTHER_FILES), sockets: Math.max(1, files - NO_SOCKETS) }
}
