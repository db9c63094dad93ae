import { isDeepStrictEqual } from 'node:util'
import type { Outcome } from './case.ts'
import type { Arrival } from './server-frames.ts'
import type { Address } from './upgrade.ts'
import { show } from './words.ts'

/** What has to come from a server. */
export type Expected =
  | { readonly kind: 'text' | 'binary' | 'pong', readonly words: string, readonly fits: (payload: Buffer) => boolean }
  | { readonly kind: 'close', readonly codes: readonly number[] }
  | { readonly kind: 'end' }

export interface Limits {
  /** A message over this is closed with 1009. */
  readonly maxMessageBytes: number
  /** Of one message; more are closed with 1008. */
  readonly maxFragments: number
  /** Whether it agrees to compress (permessage-deflate, RFC 7692) for whoever asks for it. */
  readonly isCompressing?: boolean
}

/** A kind of server: how it answers what it has understood. */
export interface Target {
  readonly address: Address
  /** Undefined where nothing is known of them: then nothing is tried with them. */
  readonly limits: Limits | undefined
  /** True where it is the gateway, with its protocol. */
  readonly isGateway: boolean
  /**
   * False where an answer may overtake or be overtaken by a pong, and is left out where the connection is closed before
   * its turn has come.
   */
  readonly isStrict: boolean
  /** Whether it says something by itself to begin with. */
  readonly greets: boolean
  answer (payload: Buffer, isBinary: boolean): Expected
  /** Greetings, and what comes on account of others. */
  isUnasked (arrival: Arrival): boolean
}

const UNASKED = /^\{"type":"(welcome|broadcast)"/

type Message = Extract<Outcome, { kind: 'message' }>

/** A server that sends each message back. */
export function echoServer (address: Address, limits?: Limits): Target {
  return {
    address,
    limits,
    isGateway: false,
    isStrict: true,
    greets: false,
    answer: (payload, isBinary) => ({
      kind: isBinary ? 'binary' : 'text', words: show(payload), fits: (came) => came.equals(payload)
    }),
    isUnasked: () => false
  }
}

/** `/ws` of the gateway: docs/protocol.md. */
export function gateway (address: Address, limits: Limits): Target {
  return {
    address,
    limits,
    isGateway: true,
    // Answers of one turn of the event loop are written together at its end; pongs and close frames at once.
    isStrict: false,
    greets: true,
    answer: (payload, isBinary) => isBinary ? { kind: 'close', codes: [1003] } : reply(payload),
    isUnasked: (arrival) => arrival.kind === 'text' && UNASKED.test(arrival.payload.toString())
  }
}

/** What must come, up to the end of the connection where it is the server that ends it. */
export function expect (outcomes: readonly Outcome[], target: Target): Expected[] {
  const expected: Expected[] = []
  for (const outcome of outcomes) {
    if (outcome.kind === 'refusal') continue
    const next = outcome.kind === 'message'
      ? answerTo(outcome, target)
      : outcome.kind === 'pong' ? pongOf(outcome.payload) : outcome
    expected.push(next)
    if (isLast(next)) break
  }
  return expected
}

export function isLast ({ kind }: Expected): boolean {
  return kind === 'close' || kind === 'end'
}

function answerTo ({ payload, isBinary }: Message, target: Target): Expected {
  const { maxMessageBytes } = target.limits ?? { maxMessageBytes: Infinity }
  return payload.length > maxMessageBytes ? { kind: 'close', codes: [1009] } : target.answer(payload, isBinary)
}

function pongOf (payload: Buffer): Expected {
  return { kind: 'pong', words: show(payload), fits: (came) => came.equals(payload) }
}

/** The gateway's reply to a text: the cases ask for nothing but `ping`. */
function reply (payload: Buffer): Expected {
  let request: unknown
  try {
    request = JSON.parse(payload.toString())
  } catch {
    return frameWith({ type: 'error', code: 400, reason: 'bad_json' })
  }
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    return frameWith({ type: 'error', code: 400, reason: 'bad_message' })
  }
  return frameWith({ type: 'pong', id: (request as { id?: unknown }).id })
}

/** A frame that has these fields, and perhaps more. */
function frameWith (fields: Readonly<Record<string, unknown>>): Expected {
  return {
    kind: 'text',
    words: JSON.stringify(fields),
    fits: (payload) => {
      const frame = JSON.parse(payload.toString()) as Record<string, unknown>
      return Object.entries(fields).every(([name, value]) => isDeepStrictEqual(frame[name], value))
    }
  }
}
