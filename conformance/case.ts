import type { UpgradeChange } from './upgrade.ts'

/** What a client does: it writes bytes, as they are; waits until so many answers have come; or ends its side of TCP. */
export type Step = Uint8Array | { readonly awaits: number } | 'fin'

/**
 * What a server that keeps RFC 6455 makes of it. How it answers a message is its own business, and that of the target
 * (targets.ts): an echo server sends it back, the gateway takes it for a request.
 */
export type Outcome =
  | { readonly kind: 'message', readonly isBinary: boolean, readonly payload: Buffer }
  | { readonly kind: 'pong', readonly payload: Buffer }
  /** A close frame with one of these codes (1005: with none), and then the end of the connection. */
  | { readonly kind: 'close', readonly codes: readonly number[] }
  /** The end of the connection without a close frame. */
  | { readonly kind: 'end' }
  /** An HTTP answer that is no upgrade, with one of these statuses, and these headers. */
  | { readonly kind: 'refusal', readonly statuses: readonly number[], readonly headers: HeaderPatterns }

export type HeaderPatterns = Readonly<Record<string, RegExp>>

export interface Case {
  /** That of the Autobahn case it mirrors, or a letter and numbers of our own. */
  readonly id: string
  readonly what: string
  readonly sends: readonly Step[]
  /**
   * In order. Without a close, an end or a refusal among them the client closes with 1000 when it has them all, which
   * must be answered alike: so what came too much is seen.
   */
  readonly outcomes: readonly Outcome[]
  /** Bytes are written in pieces of so many, each by itself. */
  readonly chopBytes?: number
  /** How the upgrade differs from what a browser would send. */
  readonly upgrade?: UpgradeChange
  /** The first bytes go out together with the upgrade, before it was answered. */
  readonly isPipelined?: boolean
}

export interface Section {
  readonly id: string
  readonly title: string
  readonly cases: readonly Case[]
}

export function takes (payload: string | Uint8Array): Outcome {
  return { kind: 'message', isBinary: false, payload: Buffer.from(payload as string) }
}

export function takesBinary (payload: string | Uint8Array): Outcome {
  return { kind: 'message', isBinary: true, payload: Buffer.from(payload as string) }
}

export function pongs (payload: string | Uint8Array = ''): Outcome {
  return { kind: 'pong', payload: Buffer.from(payload as string) }
}

export function closes (...codes: number[]): Outcome {
  return { kind: 'close', codes }
}

export function refuses (statuses: readonly number[], headers: HeaderPatterns = {}): Outcome {
  return { kind: 'refusal', statuses, headers }
}

export const ends: Outcome = { kind: 'end' }
