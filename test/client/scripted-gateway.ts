import type { SocketConstructor } from '../../src/client/types.ts'
import { type Entry, ScriptedLog } from './scripted-log.ts'
import { ScriptedSocket } from './scripted-socket.ts'
import type { VirtualTime } from './virtual-time.ts'

/** The faults that come next. */
export interface Script {
  /** How the next publishes are answered, one each. */
  readonly refusals: Array<'unavailable' | 'unknown_outcome' | 'unknown_stored' | 'rate_limited'>
  /** What happens to the next live frames, one each. */
  readonly frames: Array<'lost' | 'twice'>
  /** How the next connections fare, one each. */
  readonly dials: Array<'refused' | 'silent' | number>
}

/** A gateway after docs/protocol.md in virtual time, that does what the protocol allows, and worse. */
export class ScriptedGateway {
  readonly script: Script = { refusals: [], frames: [], dials: [] }
  readonly logs = new Map<string, ScriptedLog>()
  readonly connections = new Set<ScriptedSocket>()
  readonly time: VirtualTime
  readonly kinds: Readonly<Record<string, 'log' | 'latest' | 'live'>>
  latencyMs = 5
  dialled = 0
  /** How long a token lasts from when it was shown; undefined where none is asked for. */
  tokenLifeMs: number | undefined
  /** It takes none by `auth`. */
  isRefusingTokens = false
  /** All that were shown, by a connection's address or by `auth`. */
  readonly tokens: Array<string | null> = []
  #ids = 0

  constructor (time: VirtualTime, kinds: Readonly<Record<string, 'log' | 'latest' | 'live'>> = {}) {
    this.time = time
    this.kinds = kinds
  }

  get WebSocket (): SocketConstructor {
    // A function that returns an object is what `new` gives.
    const gateway = this
    return class {
      constructor (url: string) {
        return new ScriptedSocket(gateway, url)
      }
    } as unknown as SocketConstructor
  }

  nextId (): string {
    return `c${this.#ids++}`
  }

  log (room: string): ScriptedLog {
    let log = this.logs.get(room)
    if (log === undefined) this.logs.set(room, log = new ScriptedLog())
    return log
  }

  /** Somebody else says something. */
  say (room: string, content: unknown): void {
    const { entry } = this.log(room).append('other', content, undefined, this.time.now())
    this.deliver(room, entry, undefined)
  }

  deliver (room: string, entry: Entry, except: ScriptedSocket | undefined): void {
    for (const connection of this.connections) if (connection !== except) connection.offer(room, entry)
  }

  signal (room: string, from: string, content: unknown, timestamp: string): void {
    const text = JSON.stringify({ type: 'message', room, from, content, timestamp })
    for (const connection of this.connections) if (connection.members.has(room)) connection.push(text)
  }

  /** A log was lost or forked: members are told, as a replica does that notices. */
  announce (room: string, reason: string): void {
    const log = this.log(room)
    for (const connection of this.connections) connection.move(room, reason, log)
  }
}
