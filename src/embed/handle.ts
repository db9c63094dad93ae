import type { Composed } from '../gateway.ts'
import { DEFAULT_HISTORY_LIMIT, MAX_HISTORY_LIMIT } from '../protocol/codec.ts'
import { refusal } from '../protocol/codes.ts'
import { isRoomName, NAME_RULE, ALL } from '../protocol/rooms.ts'
import { DEFAULT_ROOMS, MAX_ROOMS } from '../schemas/http.ts'
import { readBefore } from '../session/history.ts'
import { TidegateError, told } from './error.ts'
import { type Publishing, publishingOf } from './publishing.ts'

export interface Member {
  readonly user: string
  /** On all replicas; 0 for a user whose connection broke a moment ago. */
  readonly connections: number
  readonly info?: unknown
}

/** A message of a room's history, as its frame has it. */
export interface Message {
  readonly type: 'message' | 'broadcast' | 'position'
  readonly room?: string
  readonly seq: number
  readonly cursor: string
  readonly from?: string
  readonly content?: unknown
  readonly position?: number
  /** As ISO 8601. */
  readonly timestamp: string
}

/** A gateway in a Fastify app, for the app's own code: it may do everything, and no hook is asked. */
export interface Tidegate extends Publishing {
  /** This replica's name. */
  readonly replica: string
  /** Why it is not fit for traffic; undefined where it is. What `/readyz` would say. */
  readonly whyNotReady: string | undefined
  /** What `/metrics` would say, for Prometheus. */
  metrics (): Promise<string>
  /** Where the car stands. */
  position (): Promise<number>
  /** Active rooms over all replicas, by name. */
  rooms (page?: { readonly after?: string, readonly limit?: number }): Promise<{
    readonly rooms: ReadonlyArray<{ readonly room: string, readonly members: number }>
    readonly more: boolean
  }>
  /** Who is in a room, over all replicas. */
  members (room: string): Promise<{ readonly count: number, readonly members: readonly Member[] }>
  /** The newest messages before a `seq`, oldest first; 50 unless `limit` (of at most 200) says otherwise. */
  history (room: string, page?: { readonly before?: number, readonly limit?: number }): Promise<{
    readonly messages: readonly Message[]
    readonly more: boolean
  }>
  /** Ends all connections of a user on every replica, with 4403. Resolves when Redis has the order. */
  disconnect (user: string): Promise<void>
  /**
   * Lets nobody in any more, sends everyone away over a while, and ends. `app.close()` does this by itself; called
   * before it, the app's routes are served meanwhile, which Fastify answers with 503 from `close()` on.
   * @param drainMs the while; `drainMs` of the options where it is not given
   */
  stop (drainMs?: number): Promise<void>
}

// All of it waits in one line.
const THIS_CODE = { isClosed: false }

/** What a composed gateway does for code. */
export function handleOf ({ replica, services, orders, metrics, config, position }: Composed): Tidegate {
  const { presence } = services
  return {
    ...publishingOf({ ports: services, position, maxBytes: config.maxMessageBytes }),
    replica: replica.replica,
    get whyNotReady () { return replica.whyNotReady },
    metrics: async () => await metrics.text(),
    position: async () => await told(position.get()),
    rooms: async ({ after = '', limit = DEFAULT_ROOMS } = {}) => {
      if (after !== '') checkRoom(after, 'after')
      checkCount(limit, 'limit', MAX_ROOMS)
      return await told(presence.rooms(after, limit))
    },
    members: async (room) => {
      checkRoom(room)
      const { count, list } = await told(presence.members(room))
      return { count, members: JSON.parse(list) as Member[] }
    },
    history: async (room, { before, limit = DEFAULT_HISTORY_LIMIT } = {}) => {
      if (room !== ALL) checkRoom(room)
      checkCount(limit, 'limit', MAX_HISTORY_LIMIT)
      if (before !== undefined) checkCount(before, 'before', Number.MAX_SAFE_INTEGER)
      const { messages, more } = await told(readBefore(services, THIS_CODE, room, before, limit))
      const read = messages.map(([head, content, tail]) => {
        return JSON.parse(head + Buffer.from(content).toString() + tail) as Message
      })
      return { messages: read, more }
    },
    disconnect: async (user) => {
      if (typeof user !== 'string' || user === '') throw new TidegateError(refusal('bad_message', 'user: missing'))
      await told(orders.disconnect(user))
    },
    stop: async (drainMs) => await replica.stop(drainMs)
  }
}

function checkRoom (room: string, name = 'room'): void {
  if (typeof room === 'string' && isRoomName(room)) return
  throw new TidegateError(refusal('bad_room', `${name}: this is no name: ${NAME_RULE}`))
}

function checkCount (count: number, name: string, max: number): void {
  if (Number.isSafeInteger(count) && count >= 1 && count <= max) return
  throw new TidegateError(refusal('bad_message', `${name}: must be an integer of 1 to ${max}`))
}
