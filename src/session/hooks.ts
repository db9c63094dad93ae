import type { IncomingHttpHeaders } from 'node:http'

/**
 * The operator's own rules, in TypeScript. Those that decide (`authenticate`, `authorize`, `onMessage`) are awaited,
 * each for `hookTimeoutMs` at most; one that throws, or takes longer, refuses what it was asked for with 503
 * `unavailable`, and nothing is published. Those that are told (`onJoin`, `onLeave`, `onDisconnect`) hold nothing up.
 * What code does through `app.tidegate` passes none of them.
 */
export interface Hooks {
  /**
   * Who sends this request, in the place of tokens. Undefined, null and false refuse it: 401 over HTTP, 4401 for
   * browsers' WebSockets.
   */
  authenticate? (request: AuthRequest, context: HookContext): Awaitable<User | undefined | null | false>
  /**
   * May this user do that? Asked last, when grants and room rules allow it; it can forbid more, and never allow more.
   * False, or a sentence that the client is told, is 403 `forbidden`.
   * @param user undefined over HTTP in a gateway without authentication
   * @param room undefined where it is about no room
   */
  authorize? (
    user: string | undefined, action: Action, room: string | undefined, context: HookContext
  ): Awaitable<boolean | string>
  /**
   * Before a message or a broadcast is published. Nothing returned: it is published as it is. The next message of its
   * sender to this room waits until this is decided, those of others do not.
   */
  onMessage? (message: IncomingMessage, context: HookContext): Awaitable<Verdict | undefined | void>
  /** A connection has joined a room. */
  onJoin? (event: RoomEvent): unknown
  /** A connection has left a room; `isDropped`: because it ended. */
  onLeave? (event: RoomEvent & { readonly isDropped: boolean }): unknown
  /** A connection has ended, after `onLeave` for each of its rooms. */
  onDisconnect? (event: ConnectionEvent): unknown
}

export type Awaitable<Value> = Value | Promise<Value>

/**
 * `members` and `history` are asked for reading of a room, `admin` for listing rooms and disconnecting users over HTTP.
 */
export type Action = 'join' | 'publish' | 'broadcast' | 'move' | 'members' | 'history' | 'admin'

export interface HookContext {
  /** Aborted when the time is up: what the hook returns after that is ignored. */
  readonly signal: AbortSignal
}

/** What somebody presents who wants to be let in. */
export interface AuthRequest {
  /**
   * Of `Authorization: Bearer`, else of `?token=`, else of an `auth` request on a live connection; undefined for none.
   */
  readonly token: string | undefined
  /**
   * Of the request or the upgrade, cookies among them; none for an `auth` request on a live connection, as those below.
   */
  readonly headers: IncomingHttpHeaders
  /** The parameters of the address, by name. */
  readonly query: Readonly<Record<string, string | string[] | undefined>>
  /** Past trusted proxies; empty for an `auth` request. */
  readonly ip: string
}

/** Somebody who is let in. The fields are those of a token (docs/auth.md). */
export interface User {
  /** 1 to 128 characters, none of them a control character. */
  readonly user: string
  /** `{ 'chat:*': ['join', 'publish'] }`; absent: as the rules of rooms allow everyone. */
  readonly rooms?: Readonly<Record<string, ReadonlyArray<'join' | 'publish'>>>
  /** Absent: none of them. */
  readonly can?: ReadonlyArray<'broadcast' | 'move' | 'admin'>
  /** Any JSON value, told to others in a room with each join; 1,024 characters at most. */
  readonly info?: unknown
  /** When the connection ends (4401), unless an `auth` request renews it; absent: never. */
  readonly expires?: Date
}

/** A message that is about to be published. */
export interface IncomingMessage {
  /** `$all` for a broadcast. */
  readonly room: string
  readonly type: 'message' | 'broadcast'
  /** Who sent it; undefined over HTTP in a gateway without authentication. */
  readonly user: string | undefined
  /** On which connection; undefined over HTTP. */
  readonly connection: string | undefined
  /** Parsed when it is read for the first time. */
  readonly content: unknown
  /** The content as it was written, JSON. */
  readonly text: string
  readonly key: string | undefined
  readonly ephemeral: boolean
}

/**
 * What becomes of a message: it is refused, and the client told why; or it is published with this in the place of what
 * was sent.
 */
export type Verdict =
  | { readonly refuse: string }
  | { readonly content?: unknown, readonly from?: string }

export interface ConnectionEvent {
  readonly user: string
  readonly connection: string
}

export interface RoomEvent extends ConnectionEvent {
  readonly room: string
}

export type DecidingHook = 'authenticate' | 'authorize' | 'onMessage'
export type ToldHook = 'onJoin' | 'onLeave' | 'onDisconnect'
