import type { PresenceChange, PresentUser } from '../protocol/presence.ts'
import { type Frame, textFrame } from './frame.ts'

/** As much of a room as is told here. */
interface Audience {
  readonly name: string
  /** To every member but those of this user. */
  tell (frame: Frame, exceptUser?: string): void
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
  readonly #joined = new Map<string, PresentUser>()
  readonly #left = new Set<string>()
  #count = 0
  #timestampMs = 0
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
    for (const user of left) if (!this.#joined.delete(user)) this.#left.add(user)
    for (const one of joined) if (!this.#left.delete(one.user)) this.#joined.set(one.user, one)
    this.#count = count
    this.#timestampMs = timestampMs
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
    this.#audience.tell(textFrame(`{"type":"system","event":"${event}","room":"${name}",` +
      `"user":${JSON.stringify(user)},${infoText(info)}"count":${count},"timestamp":"${iso(timestampMs)}"}`), user)
  }

  #tellMerged (): void {
    this.#timer = undefined
    this.#mergedMs = performance.now()
    // Whoever came and went meanwhile made no difference.
    if (this.#joined.size + this.#left.size === 0) return
    const joined = [...this.#joined.values()].map(({ user, info }) =>
      info === undefined ? JSON.stringify(user) : `{"user":${JSON.stringify(user)},"info":${info}}`)
    const left = [...this.#left].map((user) => JSON.stringify(user))
    this.#joined.clear()
    this.#left.clear()
    this.#audience.tell(textFrame(`{"type":"system","event":"members","room":"${this.#audience.name}",` +
      `"joined":[${joined.join(',')}],"left":[${left.join(',')}],"count":${this.#count},"timestamp":"${iso(this.#timestampMs)}"}`))
  }
}

function infoText (info: string | undefined): string {
  return info === undefined ? '' : `"info":${info},`
}

function iso (timestampMs: number): string {
  return new Date(timestampMs).toISOString()
}
