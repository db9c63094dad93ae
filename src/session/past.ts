import { newestWithin, type Sent } from '../hub/frame.ts'
import type { Page, Room } from '../hub/room.ts'
import type { Cursor } from '../protocol/cursor.ts'
import type { GapReason } from '../protocol/entry.ts'

/** What a join brings of the past. */
export interface Past {
  /** The newest place of the log; from there the member goes on. */
  readonly top: Cursor
  /** The frames that lead up to it, oldest first. */
  readonly replay: readonly Sent[]
  /** Why what was missed cannot be had; then `replay` is what was asked for in its stead. */
  readonly gap?: GapReason | undefined
}

interface Wanted {
  /** What follows this place, */
  readonly since: Cursor | undefined
  /** or, without one and where it cannot be had, so many of the newest messages. */
  readonly newest: number
}

/** A join replays no more than this; the bytes are those of whole frames. */
export const MAX_REPLAY_ENTRIES = 1_000
const MAX_REPLAY_BYTES = 1_048_576
// What Redis has told a reader is on its way to this replica, too: a turn of the loop later, or two.
const REACH_MS = 100

/**
 * What a join replays: out of the room's ring where that reaches back, else out of the log. The log's top is read after
 * the join has come, because its client may know of more than this replica has heard. Rejects with BrokerError.
 */
export async function readPast (room: Room, { since, newest }: Wanted): Promise<Past> {
  const top = await room.backlog.top()
  if (since === undefined && newest === 0) return { top, replay: [] }
  await room.reach(top, REACH_MS)
  if (since === undefined) return await readNewest(room, newest, top)
  const missed = await readMissed(room, since, top)
  if (missed.gap === undefined || newest === 0) return missed
  return { ...await readNewest(room, newest, missed.top), gap: missed.gap }
}

async function readNewest (room: Room, count: number, top: Cursor): Promise<Past> {
  const recent = room.newest(count, top)
  if (recent !== undefined) return { top, replay: newestWithin(recent, bytesOf, MAX_REPLAY_BYTES) }
  const read = await room.backlog.newest(count, top)
  const replay = newestWithin(read.entries.map((entry) => room.sent(entry)), bytesOf, MAX_REPLAY_BYTES)
  return { top: read.top, replay }
}

/** What follows a place up to the log's top, or why it cannot be had. Rejects with BrokerError. */
export async function readMissed (room: Room, since: Cursor, top: Cursor): Promise<Past> {
  const replay: Sent[] = []
  for (;;) {
    const place = replay.at(-1) ?? since
    const recent = room.between(place, top)
    if (recent !== undefined) return limited(top, [...replay, ...recent])
    const page = await room.backlog.page(place, top)
    if (page.gap !== undefined) return { top: page.top, replay: [], gap: page.gap }
    room.remember(page)
    const goal = earlier(page.top, top)
    if (room.kind === 'log' && goal.seq - since.seq > MAX_REPLAY_ENTRIES) return tooMuch(goal)
    const isThere = take(room, page, goal, replay)
    if (isTooMuch(replay)) return tooMuch(goal)
    if (isThere) return { top: replay.at(-1) ?? goal, replay }
  }
}

/** What was missed, unless it is more than a join replays. */
function limited (top: Cursor, replay: readonly Sent[]): Past {
  return isTooMuch(replay) ? tooMuch(top) : { top, replay }
}

function tooMuch (top: Cursor): Past {
  return { top, replay: [], gap: 'limit' }
}

/** The log goes on while it is read (what is newer comes live), and may even have gone back. */
function earlier (a: Cursor, b: Cursor): Cursor {
  return a.epoch === b.epoch && a.seq > b.seq ? b : a
}

/** Takes a page's frames up to the goal; true where it is reached. */
function take (room: Room, { entries }: Page, goal: Cursor, replay: Sent[]): boolean {
  for (const entry of entries) {
    // The newest value of a `latest` room may be newer than the goal, and is all there is.
    if (entry.seq <= goal.seq || room.kind === 'latest') replay.push(room.sent(entry))
  }
  const last = entries.at(-1)
  return last === undefined || last.seq >= goal.seq
}

function isTooMuch (replay: readonly Sent[]): boolean {
  const bytes = replay.reduce((sum, sent) => sum + bytesOf(sent), 0)
  return replay.length > MAX_REPLAY_ENTRIES || bytes > MAX_REPLAY_BYTES
}

function bytesOf ({ frame }: Sent): number {
  return frame.length
}
