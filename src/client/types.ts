import type { TidegateError } from './errors.ts'
import type { GapReason } from '../protocol/entry.ts'

/** `closed` is for good: by close(), or by a close of the gateway that says stop. */
export type State = 'connecting' | 'online' | 'waiting' | 'offline' | 'closed'

export interface StateChange {
  readonly state: State
  readonly previous: State
  /** While `waiting` or `offline`: when it tries again. */
  readonly retryInMs?: number | undefined
  /** Why it is not online; undefined after close(). */
  readonly error?: TidegateError | undefined
}

/** What the gateway said when the connection was made. */
export interface Welcome {
  readonly user: string
  readonly replica: string
  readonly connection: string
  readonly maxMessageBytes: number
  /** When the token does, as ISO 8601. */
  readonly expires?: string | undefined
}

export interface Message<Content = unknown> {
  readonly room: string
  readonly from: string
  readonly content: Content
  /** ISO 8601; assigned together with `seq`. */
  readonly timestamp: string
  /** Rises by one in `log` rooms; undefined in `live` ones. */
  readonly seq: number | undefined
  /** Keep the last one, to resume from it as `since`. */
  readonly cursor: string | undefined
  /** Where something is missing just before this message. */
  readonly gap?: Gap | undefined
}

/** An ephemeral message of a room that keeps messages: not stored, without a number. */
export interface Signal<Content = unknown> {
  readonly room: string
  readonly from: string
  readonly content: Content
  readonly timestamp: string
}

/** Continuity of a room ended here: what was missed is missing, unless `healed`. */
export interface Gap {
  readonly room: string
  /** The gateway's reasons (docs/protocol.md), and `hole`: a number was left out on the wire. */
  readonly reason: GapReason | 'hole'
  /** The last message before, and where it goes on; undefined in `live` rooms. */
  readonly from: string | undefined
  readonly to: string | undefined
  /** How many were missed, where that is known. */
  readonly missed: number | undefined
  /** Of a `hole`: the messages were fetched from the log, and nothing is missing. */
  readonly healed: boolean
}

export interface Receipt {
  /** The message's number; undefined in `live` rooms. */
  readonly seq: number | undefined
  readonly cursor: string | undefined
  /** It had been published before with this key. */
  readonly duplicate: boolean
}

export interface MoveReceipt extends Receipt {
  readonly position: number
}

export interface Member {
  readonly user: string
  /** 0 for a user who was cut off a moment ago. */
  readonly connections: number
  readonly info?: unknown
}

export interface MemberEvent {
  readonly event: 'join' | 'leave'
  readonly user: string
  readonly info?: unknown
  /** How many users are in the room after it. */
  readonly count: number
  readonly timestamp: string
}

export interface MembersEvent {
  readonly joined: ReadonlyArray<{ readonly user: string, readonly info?: unknown }>
  readonly left: readonly string[]
  readonly count: number
  readonly timestamp: string
}

export interface MemberList { readonly count: number, readonly members: readonly Member[] }

export interface History<Content> {
  /** Oldest first. */
  readonly messages: ReadonlyArray<Message<Content>>
  readonly more: boolean
}

export interface Joined {
  readonly room: string
  /** The newest number of the room; undefined in `live` rooms. */
  readonly seq: number | undefined
  readonly cursor: string | undefined
  /** Undefined where there was no cursor to resume from. */
  readonly recovered: boolean | undefined
  /** How many messages follow. */
  readonly replay: number
}

export interface Position { readonly position: number, readonly seq: number, readonly timestamp: string }

export interface RoomOptions {
  /** How many of the newest messages to begin with, and after a gap. Default 0. */
  readonly history?: number | undefined
  /** A cursor to resume from: of `room.cursor`, or of a message. */
  readonly since?: string | undefined
  /** False to publish without listening, where the room's rule allows it. Default true. */
  readonly join?: boolean | undefined
}

export interface PublishOptions {
  /** Makes the publish idempotent; made up where it is not given. 1 to 64 characters. */
  readonly key?: string | undefined
  /** False: this client does not get the message. Default true. */
  readonly echo?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** What is used of a WebSocket: browsers', Node's and ws's all fit. */
export interface SocketLike {
  readonly readyState: number
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
  send (text: string): void
  close (code?: number): void
}

export type SocketConstructor = new (url: string) => SocketLike

export interface ConnectOptions {
  /** A JWT that never changes; with `getToken`, the first one. */
  readonly token?: string | undefined
  /** Gives a fresh token: for every connection that needs one, and before it expires. */
  readonly getToken?: (() => string | Promise<string>) | undefined
  /** The name to go by in an open gateway. */
  readonly user?: string | undefined
  /** Default: the global one, else that of the package ws. */
  readonly WebSocket?: SocketConstructor | undefined
  /** How much may wait to be published: 1,000 messages, 1 MiB. */
  readonly outbox?: { readonly maxMessages?: number | undefined, readonly maxBytes?: number | undefined } | undefined
  /** Back-off: full jitter below first × 2^n, at most longest. 500 ms, 20 s. */
  readonly retry?: { readonly firstMs?: number | undefined, readonly longestMs?: number | undefined } | undefined
  /** How long an answer may take before the connection counts as dead. 10 s. */
  readonly timeoutMs?: number | undefined
}

export interface ClientEvents {
  state: StateChange
  welcome: Welcome
  broadcast: Message
  gap: Gap
  error: TidegateError
}

export interface RoomEvents<Content> {
  message: Message<Content>
  ephemeral: Signal
  gap: Gap
  member: MemberEvent
  members: MembersEvent
  joined: Joined
  error: TidegateError
}

/** What rooms carry, by name or by a prefix that ends in `*`: `{ general: ChatMessage, 'orders:*': Order }`. */
export type RoomMap = object

type Prefix<Pattern> = Pattern extends `${infer Text}*` ? Text : never
type Matches<Rooms, Name extends string> = {
  [Key in keyof Rooms & string]: Key extends `${infer Text}*` ? (Name extends `${Text}${string}` ? Key : never) : never
}[keyof Rooms & string]
type Longest<Keys extends string, All extends string = Keys> = Keys extends string
  ? [Exclude<All, Keys> extends infer Other ? (Other extends `${Prefix<Keys>}${string}` ? Other : never) : never] extends [never]
      ? Keys
      : never
  : never

/** The content of a room by its name: the exact name, else the longest prefix, else unknown. */
export type ContentOf<Rooms, Name extends string> = Name extends keyof Rooms
  ? Rooms[Name]
  : [Matches<Rooms, Name>] extends [never] ? unknown : Rooms[Longest<Matches<Rooms, Name>> & keyof Rooms]
