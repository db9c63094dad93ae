import { type Refusal, refusal } from '../protocol/codes.ts'
import { ALL } from '../protocol/rooms.ts'
import type { HookCalls } from './hook-calls.ts'
import type { Action, IncomingMessage, Verdict } from './hooks.ts'

/** What somebody wants to publish. `content` is JSON text. */
export interface Proposed {
  readonly room: string
  readonly content: string
  readonly key?: string | undefined
  readonly ephemeral?: boolean
}

/** Who wants to; neither is known over HTTP in a gateway without authentication. */
export interface Proposer {
  readonly user: string | undefined
  readonly connection?: string | undefined
}

/** What is published in its place. */
export interface Judged {
  readonly content: string
  /** JSON text; undefined for the sender's own name. */
  readonly from?: string | undefined
  /** What was sent, where that is something else: a key stands for this. */
  readonly sent?: string | undefined
}

/** What the operator's own rule says, where there is one; undefined for yes. Never rejects. */
export async function refuseByHook (
  calls: HookCalls | undefined, user: string | undefined, action: Action, room?: string
): Promise<Refusal | undefined> {
  const { hooks } = calls ?? {}
  if (calls === undefined || hooks?.authorize === undefined) return undefined
  return await calls.decide('authorize', (context) => hooks.authorize!(user, action, room, context), (allowed) => {
    if (allowed === true) return undefined
    if (allowed === false) return refusal('forbidden')
    if (typeof allowed === 'string') return refusal('forbidden', allowed)
    throw new TypeError('authorize: must return true, false or a sentence')
  })
}

/**
 * Asks the hooks whether this may be published, and as what. Never rejects.
 * @param maxBytes of content that a hook puts in the place of what was sent; 0 for no limit
 */
export async function judge (
  calls: HookCalls, proposer: Proposer, proposed: Proposed, maxBytes: number
): Promise<Judged | Refusal> {
  const { room, content } = proposed
  const refused = room === ALL
    ? await refuseByHook(calls, proposer.user, 'broadcast')
    : await refuseByHook(calls, proposer.user, 'publish', room)
  if (refused !== undefined) return refused
  const { hooks } = calls
  if (hooks.onMessage === undefined) return { content }
  const message = new Message(proposer, proposed)
  return await calls.decide('onMessage', (context) => hooks.onMessage!(message, context), (verdict) =>
    verdict === undefined ? { content } : readVerdict(verdict, content, maxBytes))
}

export function isRefused (outcome: Judged | Refusal): outcome is Refusal {
  return 'reason' in outcome
}

class Message implements IncomingMessage {
  readonly room: string
  readonly type: IncomingMessage['type']
  readonly user: string | undefined
  readonly connection: string | undefined
  readonly text: string
  readonly key: string | undefined
  readonly ephemeral: boolean
  #parsed: { readonly content: unknown } | undefined

  constructor ({ user, connection }: Proposer, { room, content, key, ephemeral = false }: Proposed) {
    this.room = room
    this.type = room === ALL ? 'broadcast' : 'message'
    this.user = user
    this.connection = connection
    this.text = content
    this.key = key
    this.ephemeral = ephemeral
  }

  get content (): unknown {
    this.#parsed ??= { content: JSON.parse(this.text) as unknown }
    return this.#parsed.content
  }
}

/** @throws where it is none */
function readVerdict (verdict: Verdict, sent: string, maxBytes: number): Judged | Refusal {
  if (typeof verdict !== 'object' || verdict === null) throw new TypeError('onMessage: must return an object, or nothing')
  if ('refuse' in verdict) return refusal('forbidden', String(verdict.refuse))
  const from = verdict.from === undefined ? undefined : JSON.stringify(String(verdict.from))
  if (!('content' in verdict)) return { content: sent, from }
  const content = JSON.stringify(verdict.content) as string | undefined
  if (content === undefined) throw new TypeError('onMessage: content: must be a JSON value')
  if (maxBytes > 0 && Buffer.byteLength(content) > maxBytes) throw new RangeError(`onMessage: content: over ${maxBytes} bytes`)
  return { content, from, sent }
}
