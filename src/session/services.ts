import type { Authenticator } from '../auth/auth.ts'
import type { Broker } from '../broker/broker.ts'
import type { Interest } from '../broker/interest.ts'
import type { Hub } from '../hub/hub.ts'
import type { Deflater } from '../hub/deflater.ts'
import type { Flusher } from '../hub/flusher.ts'
import type { Log } from '../log/log.ts'
import type { LocalPresence } from '../presence/local.ts'
import type { Position } from '../position/position.ts'
import type { RoomKind } from '../protocol/rooms.ts'
import type { SessionCounts } from './counts.ts'
import type { HookCalls } from './hook-calls.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { PastPace } from './past-pace.ts'
import type { Clock } from './rate-limit.ts'
import type { RepeatedWarnings } from './repeated-warnings.ts'
import type { UserRates } from './user-rates.ts'

/** As much of a room's rule as a session asks for; room-rules.ts has the whole. */
export interface RoomRule {
  readonly kind: RoomKind
  readonly publish: 'members' | 'anyone' | 'server'
  /** Whether its users are told who is there. */
  readonly presence: boolean
}

export interface SessionLimits {
  readonly maxMessageBytes: number
  readonly sendQueueBytes: number
  readonly stallTimeoutMs: number
  readonly maxRooms: number
  readonly maxRoomsPerConnection: number
  readonly requestsPerSecond: number
  readonly publishesPerSecond: number
  readonly bytesPerSecond: number
  readonly pingIntervalMs: number
}

interface SessionLogger {
  debug (fields: object, message: string): void
  warn (fields: object, message: string): void
  error (fields: object, message: string): void
}

/** What all sessions of a replica share: built once, by gateway.ts. */
export interface Services {
  readonly replica: string
  readonly limits: SessionLimits
  /** Undefined where the gateway is open. */
  readonly auth: Authenticator | undefined
  /** Undefined where users are not known for who they are. */
  readonly userRates: UserRates | undefined
  readonly hub: Hub
  readonly interest: Interest
  readonly log: Log
  readonly broker: Broker
  readonly position: Position
  readonly presence: LocalPresence
  readonly rules: { of (room: string): RoomRule }
  /** The operator's own rules; undefined where there are none. */
  readonly hooks?: HookCalls | undefined
  readonly heartbeat: Heartbeat
  readonly flusher: Flusher
  readonly pastPace: PastPace
  /** Where frames are compressed for those who ask for it. */
  readonly deflater: Deflater | undefined
  readonly counts: SessionCounts
  /** Whether memory is so short that nothing new may be begun. */
  readonly isShort: () => boolean
  readonly now: Clock
  readonly logger: SessionLogger
  /** Of what clients may bring about as often as they like. */
  readonly warnings: Pick<RepeatedWarnings, 'warn'>
}
