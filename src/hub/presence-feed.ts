import type { PresenceChange, PresentUser } from '../protocol/presence.ts'
import { type Frame, textFrame } from './frame.ts'

/** As much of a room as is told here. */
interface Audience {
  readonly name: string
  /** To every member but those of this user; the frame is not made where there is nobody else. */
  tell (frameOf: () => Frame, exceptUser?: string): void
}

/** What is not told yet. */
interface Merged {
  readonly joined: Map<string, PresentUser>
  readonly left: Set<string>
  count: number
  timestampMs: number
}

// No client gets more than four a second, though one comes late and the next does not.
const MERGE_MS = 300

/**
 * Tells a room's members who comes and who goes. In small rooms each has a frame of its own, which those who it is
 * about do not get; in large ones one frame says it all, four times a second: else n that join were n × n frames.
 */
export class PresenceFeed {
  readonly #audience: Audience
  readonly #mergeAbove: number
  // Made when it is needed: most rooms are small, and there are many.
  #merged: Merged | undefined
  #mergedMs = -Infinity
  #timer: NodeJS.Timeout | undefined

  /** @param mergeAbove users in the room, above which events are merged */
  constructor (audience: Audience, mergeAbove: number) {
    this.#audience = audience
    this.#mergeAbove = mergeAbove
  }

  tell (change: PresenceChange): void {
    const { joined, left, count, timestampMs } = change
    // A large room that many leave at once may be a small one after it.
    const most = Math.max(count, count - joined.length + left.length)
    if (this.#timer === undefined && most <= this.#mergeAbove) return this.#tellEach(change)
    const merged = this.#merged ??= { joined: new Map(), left: new Set(), count, timestampMs }
    for (const user of left) if (!merged.joined.delete(user)) merged.left.add(user)
    for (const one of joined) if (!merged.left.delete(one.user)) merged.joined.set(one.user, one)
    merged.count = count
    merged.timestampMs = timestampMs
    const waitMs = this.#mergedMs + MERGE_MS - performance.now()
    this.#timer ??= setTimeout(() => this.#tellMerged(), Math.max(0, waitMs))
  }

  stop (): void {
    clearTimeout(this.#timer)
  }

  #tellEach ({ joined, left, count, timestampMs }: PresenceChange): void {
    let present = count - joined.length + left.length
    for (const user of left) this.#tellOne('leave', { user }, --present, timestampMs)
    for (const one of joined) this.#tellOne('join', one, ++present, timestampMs)
  }

  #tellOne (event: 'join' | 'leave', { user, info }: PresentUser, count: number, timestampMs: number): void {
    const { name } = this.#audience
    this.#audience.tell(() => textFrame(`{"type":"system","event":"${event}","room":"${name}",` +
      `"user":${JSON.stringify(user)},${infoText(info)}"count":${count},"timestamp":"${iso(timestampMs)}"}`), user)
  }

  #tellMerged (): void {
    this.#timer = undefined
    this.#mergedMs = performance.now()
    const merged = this.#merged!
    this.#merged = undefined
    // Whoever came and went meanwhile made no difference.
    if (merged.joined.size + merged.left.size === 0) return
    this.#audience.tell(() => mergedFrame(this.#audience.name, merged))
  }
}

function mergedFrame (room: string, { joined, left, count, timestampMs }: Merged): Frame {
  const came = [...joined.values()].map(({ user, info }) =>
    info === undefined ? JSON.stringify(user) : `{"user":${JSON.stringify(user)},"info":${info}}`)
  const gone = [...left].map((user) => JSON.stringify(user))
  return textFrame(`{"type":"system","event":"members","room":"${room}","joined":[${came.join(',')}],` +
    `"left":[${gone.join(',')}],"count":${count},"timestamp":"${iso(timestampMs)}"}`)
}

function infoText (info: string | undefined): string {
  return info === undefined ? '' : `"info":${info},`
}

function iso (timestampMs: number): string {
  return new Date(timestampMs).toISOString()
}
