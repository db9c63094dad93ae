import { type MessageParts, messageParts, newestWithin } from '../hub/frame.ts'
import type { Cursor } from '../protocol/cursor.ts'
import type { Entry, GapReason } from '../protocol/entry.ts'
import type { Told } from './past-pace.ts'
import type { Services } from './services.ts'

/** A page of a room's messages, oldest first. */
export interface HistoryPage {
  readonly messages: readonly MessageParts[]
  /** Whether there are others: older ones of a page that goes back, newer ones of a page that goes on. */
  readonly more: boolean
  /** Why what follows a place cannot be told; then the page is the newest there is, and the cursor its end. */
  readonly gap?: { readonly reason: GapReason, readonly cursor: Cursor }
}

export type Reading = Pick<Services, 'log' | 'rules' | 'pastPace'>

/** What a page holds, at most; but at least one message. */
const MAX_HISTORY_BYTES = 262_144
const NOTHING: HistoryPage = { messages: [], more: false }

/** The newest messages before a number (undefined: of all). Rejects with BrokerError. */
export async function readBefore (
  { log, rules, pastPace }: Reading, told: Told, room: string, before: number | undefined, limit: number
): Promise<HistoryPage> {
  if (rules.of(room).kind === 'live') return NOTHING
  const page = await log.before(room, before, limit, MAX_HISTORY_BYTES)
  const { messages, isWhole } = newest(room, page.entries)
  await pastPace.take(sizeOf(messages), told)
  return { messages, more: page.more || !isWhole }
}

/**
 * What follows a place; where that cannot be told, the newest messages, and why. In a `latest` room it is the newest
 * value. Rejects with BrokerError.
 */
export async function readSince (
  { log, rules, pastPace }: Reading, told: Told, room: string, since: Cursor, limit: number
): Promise<HistoryPage> {
  if (rules.of(room).kind === 'live') return NOTHING
  const { entries: following, gap, top } = await log.after(room, since)
  if (gap !== undefined) {
    const { top: cursor, entries } = await log.open(room, limit, MAX_HISTORY_BYTES)
    const { messages } = newest(room, entries)
    await pastPace.take(sizeOf(messages), told)
    return { messages, more: false, gap: { reason: gap, cursor } }
  }
  const asked = following.slice(0, limit)
  const messages = oldestWithin(asked.map((entry) => messageParts(room, entry)))
  await pastPace.take(sizeOf(messages), told)
  const last = asked[messages.length - 1]
  return { messages, more: last !== undefined && last.seq < top.seq }
}

function newest (room: string, entries: readonly Entry[]): { messages: readonly MessageParts[], isWhole: boolean } {
  const messages = newestWithin(entries.map((entry) => messageParts(room, entry)), bytesOf, MAX_HISTORY_BYTES)
  return { messages, isWhole: messages.length === entries.length }
}

function oldestWithin (all: readonly MessageParts[]): readonly MessageParts[] {
  let bytes = 0
  const end = all.findIndex((parts, index) => {
    bytes += bytesOf(parts)
    return bytes > MAX_HISTORY_BYTES && index > 0
  })
  return end < 0 ? all : all.slice(0, end)
}

function sizeOf (messages: readonly MessageParts[]): number {
  return messages.reduce((bytes, parts) => bytes + bytesOf(parts), 0)
}

function bytesOf ([head, content, tail]: MessageParts): number {
  return Buffer.byteLength(head) + content.length + tail.length
}
