import type { Cursor } from './cursor.ts'
import type { GapReason } from './entry.ts'
import type { Reason } from './codes.ts'

/** What a client may name a request by; echoed in exactly one reply. */
export type RequestId = number | string

/** What clients ask, after decoding. `content` is JSON text, cut from the frame as it was written. */
export type Request =
  | {
    readonly type: 'join'
    readonly id: RequestId | undefined
    readonly room: string
    readonly since: Cursor | undefined
    readonly history: number | undefined
  }
  | { readonly type: 'leave', readonly id: RequestId | undefined, readonly room: string }
  | {
    readonly type: 'message'
    readonly id: RequestId | undefined
    readonly room: string
    readonly content: string
    readonly key: string | undefined
    readonly ephemeral: boolean
    readonly echo: boolean
  }
  | {
    readonly type: 'broadcast'
    readonly id: RequestId | undefined
    readonly content: string
    readonly key: string | undefined
  }
  | {
    readonly type: 'move'
    readonly id: RequestId | undefined
    readonly delta: number
    readonly key: string | undefined
  }
  | {
    readonly type: 'history'
    readonly id: RequestId | undefined
    readonly room: string
    readonly before: number | undefined
    readonly limit: number
  }
  | { readonly type: 'members', readonly id: RequestId | undefined, readonly room: string }
  | { readonly type: 'auth', readonly id: RequestId | undefined, readonly token: string }
  | { readonly type: 'ping', readonly id: RequestId | undefined }

/** A request of one type. */
export type RequestOf<Type extends Request['type']> = Extract<Request, { type: Type }>

/**
 * What the gateway answers, apart from a room's own frames, `history` and `members`, which carry what is
 * text already and are put together in hub/frame.ts. Members that are undefined are left out on the wire.
 */
export type Reply =
  | {
    readonly type: 'welcome'
    readonly protocol: 1
    readonly connection: string
    readonly user: string
    readonly replica: string
    readonly pingIntervalMs: number
    readonly maxMessageBytes: number
    /** When the token does, as ISO 8601. */
    readonly expires?: string | undefined
    readonly broadcastCursor: string
  }
  | {
    readonly type: 'joined'
    readonly id?: RequestId | undefined
    readonly room: string
    readonly cursor?: string
    readonly seq?: number
    readonly recovered?: boolean | undefined
    readonly replay?: number
  }
  | { readonly type: 'left', readonly id?: RequestId | undefined, readonly room: string, readonly reason?: 'forbidden' }
  | {
    readonly type: 'ack'
    readonly id: RequestId
    readonly room?: string | undefined
    readonly seq?: number
    readonly cursor?: string
    readonly position?: number | undefined
    readonly duplicate?: true | undefined
  }
  | {
    readonly type: 'gap'
    readonly room: string
    readonly reason: GapReason
    readonly cursor?: string
    readonly seq?: number
    readonly missed?: number
  }
  | {
    readonly type: 'authenticated'
    readonly id?: RequestId | undefined
    readonly user: string
    readonly expires?: string | undefined
  }
  | { readonly type: 'pong', readonly id?: RequestId | undefined, readonly timestamp: string }
  | {
    readonly type: 'error'
    readonly id?: RequestId | undefined
    readonly room?: string | undefined
    readonly code: number
    readonly reason: Reason
    readonly message: string
    readonly retryable: boolean
    readonly retryAfterMs?: number | undefined
  }
  | { readonly type: 'goodbye', readonly reason: 'draining', readonly reconnect: boolean, readonly afterMs: number }
