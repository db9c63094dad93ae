import type { Cursor } from './cursor.ts'
import type { PresenceChange } from './presence.ts'

/** What a publisher hands in. `from` and `content` are JSON text: they reach every client as these very bytes. */
export interface Draft {
  /** The id the entry shall have, where the publisher wants to know it again; else the log chooses one. */
  readonly id?: string | undefined
  /** The sender's name as a JSON string literal. */
  readonly from: string
  /** Any JSON value, as it was written. */
  readonly content: string
  /** What the publisher sent, where a hook put something else in its place: the key stands for this. */
  readonly sent?: string | undefined
  /** The connection that asked for no echo. */
  readonly except?: string | undefined
  /** Makes the publish idempotent, for this scope (the user, or all guests of the room). */
  readonly key?: IdempotencyKey | undefined
}

export interface IdempotencyKey {
  readonly scope: string
  readonly key: string
}

/** How long a key is remembered. Milliseconds. */
export const KEY_TTL_MS = 300_000

/** A signal as its publisher hands it in: `content` is JSON text. */
export interface OutgoingSignal extends Omit<Signal, 'content'> {
  readonly content: string
  /** As a draft's. */
  readonly sent?: string | undefined
}

/** A message on its way to sockets. `content` stays bytes from the broker to the kernel. */
export interface Signal {
  readonly from: string
  readonly content: Uint8Array
  readonly except: string | undefined
  /** Milliseconds since 1970. */
  readonly timestampMs: number
}

/** A message of a room's log: a signal with its place, and the id of the entry before it. */
export interface Entry extends Signal, Cursor {
  readonly prev: string
}

/** What a replica hears from the broker. */
export type Envelope =
  | { readonly kind: 'entry', readonly entry: Entry }
  | { readonly kind: 'signal', readonly signal: Signal }
  | { readonly kind: 'presence', readonly change: PresenceChange }

/** Why continuity of a room ended for a reader. */
export type GapReason = 'epoch' | 'fork' | 'ahead' | 'trimmed' | 'limit' | 'slow'
