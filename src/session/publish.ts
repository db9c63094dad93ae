import { newEntryId } from '../log/ids.ts'
import type { Receipt } from '../log/log.ts'
import { BrokerError } from '../protocol/codes.ts'
import type { Cursor } from '../protocol/cursor.ts'
import type { Draft } from '../protocol/entry.ts'
import type { PublishOutcome } from './counts.ts'
import type { Services } from './services.ts'

/** A message on its way into a room, whoever brings it. */
export interface Publication extends Draft {
  readonly room: string
  /** Fanned out, and never stored, whatever the room's kind. */
  readonly ephemeral?: boolean
}

/** What became of it. Without a cursor where it is not stored: in rooms of kind `live`, and ephemerals. */
export interface Published {
  readonly cursor?: Cursor
  /** The key was known: nothing was published, and the cursor is the first one's. */
  readonly duplicate: boolean
}

/** A publish that Redis has answered, or that did not get so far. */
export type Answer = Extract<PublishOutcome, 'ack' | 'refused'>

type Publishing = Pick<Services, 'hub' | 'log' | 'broker' | 'rules'>

/**
 * Every message from outside goes through here, a broadcast as well, from a socket or over HTTP; whoever calls has
 * asked permissions.ts. Resolves when Redis has it: in the room's log, or on its way to whoever listens now;
 * 'key_reused' where the key came with other content before, and nothing was published. Rejects with BrokerError.
 */
export async function publish (services: Publishing, publication: Publication): Promise<Published | 'key_reused'> {
  return isStored(services, publication) ? await append(services, publication) : await signal(services, publication)
}

export function isStored ({ rules }: Pick<Services, 'rules'>, { room, ephemeral }: Publication): boolean {
  return ephemeral !== true && rules.of(room).kind !== 'live'
}

/** The hub hears it again from Redis, where this replica follows the room, and tells how long that took. */
async function append ({ hub, log }: Publishing, publication: Publication): Promise<Receipt | 'key_reused'> {
  const { room } = publication
  if (hub.get(room) === undefined) return await log.append(room, publication)
  const { id = newEntryId() } = publication
  const { turnaround } = hub.counts
  turnaround.begin(id)
  try {
    const receipt = await log.append(room, { ...publication, id })
    if (receipt === 'key_reused' || receipt.duplicate) turnaround.forget(id)
    return receipt
  } catch (error) {
    // What may have been stored may be heard later.
    if (!(error instanceof BrokerError && error.reason === 'unknown_outcome')) turnaround.forget(id)
    throw error
  }
}

async function signal (
  { broker }: Publishing, { room, from, content, sent, except, key }: Publication
): Promise<Published | 'key_reused'> {
  const outcome = await broker.publish(room, { from, except, content, sent, timestampMs: Date.now() }, key)
  return outcome === 'key_reused' ? outcome : { duplicate: outcome === 'duplicate' }
}

/** Counts how a publish or a move ends, and how long after it came. */
export async function timed<Result> (
  { counts, now }: Pick<Services, 'counts' | 'now'>, cameMs: number, publishing: Promise<Result>,
  outcomeOf: (result: Result) => Answer
): Promise<Result> {
  const count = (outcome: PublishOutcome): void => counts.publishes[outcome].observe(now() - cameMs)
  try {
    const result = await publishing
    count(outcomeOf(result))
    return result
  } catch (error) {
    if (error instanceof BrokerError) count(error.reason)
    throw error
  }
}
