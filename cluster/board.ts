const SHOWN_USERS = 4

/** Who is connected to which replica, as their logs tell it (at LOG_LEVEL debug). */
export class Board {
  /** By replica: users by connection. */
  readonly #users = new Map<string, Map<string, string>>()

  constructor (replicas: readonly string[]) {
    for (const replica of replicas) this.#users.set(replica, new Map())
  }

  /** Takes a line of a replica's log into account. @returns whether it changed anything */
  take (replica: string, line: LogLine): boolean {
    const users = this.#users.get(replica)
    if (users === undefined || line.connection === undefined) return false
    if (line.msg === 'connected') users.set(line.connection, line.user ?? '')
    else if (line.msg !== 'disconnected' || !users.delete(line.connection)) return false
    return true
  }

  /** A replica's process has ended, and with it its connections. */
  clear (replica: string): void {
    this.#users.get(replica)?.clear()
  }

  /** `gateway-a 2 (ann, bob) | gateway-b 0` */
  show (): string {
    return [...this.#users].map(([replica, users]) => {
      const names = [...new Set(users.values())]
      const shown = names.length > SHOWN_USERS ? [...names.slice(0, SHOWN_USERS), '…'] : names
      return `${replica} ${users.size}${names.length === 0 ? '' : ` (${shown.join(', ')})`}`
    }).join(' | ')
  }
}

/** As much of one of pino's lines as is shown here. */
export interface LogLine {
  readonly level?: number
  readonly msg?: string
  readonly connection?: string
  readonly user?: string
}

/** A line of a replica's log; one that is not pino's is its own message. */
export function parseLine (line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine
  } catch {
    return { level: 60, msg: line }
  }
}
