import type { IdempotencyKey } from '../protocol/entry.ts'

/** The names of a room's keys and channel: one hash tag, so one slot of a Redis Cluster. */
export class Keys {
  readonly #prefix: string

  constructor (prefix: string) {
    this.#prefix = prefix
  }

  meta (room: string): string {
    return this.#of(room, 'm')
  }

  stream (room: string): string {
    return this.#of(room, 's')
  }

  counter (room: string): string {
    return this.#of(room, 'counter')
  }

  /** Without a key the name stands in for one: a script's keys must all be real names of its slot. */
  dedupe (room: string, key: IdempotencyKey | undefined): string {
    return this.#of(room, key === undefined ? 'k' : `k:${key.scope.length}:${key.scope}:${key.key}`)
  }

  channel (room: string): string {
    return this.#of(room, 'c')
  }

  /** Who is in the room, and under how many leases. */
  users (room: string): string {
    return this.#of(room, 'u')
  }

  /** What a lease holds of the room. */
  held (room: string, lease: string): string {
    return this.#of(room, `p:${lease}`)
  }

  /** The rooms of which a lease holds something. No room's own, as those below. */
  roomsOf (lease: string): string {
    return `${this.#prefix}rooms:${lease}`
  }

  leases (): string {
    return `${this.#prefix}leases`
  }

  /** What each replica tells of itself. */
  replicas (): string {
    return `${this.#prefix}replicas`
  }

  /** The channel that a replica alone listens to. No room is called so: names of rooms are in braces. */
  probe (replica: string): string {
    return `${this.#prefix}probe:${replica}`
  }

  /** A counter of what somebody has used up. No room's: names of rooms are in braces. */
  quota (name: string): string {
    return `${this.#prefix}quota:${name}`
  }

  /** Events that wait for a webhook, and how far they are: of no room, and together in one slot. */
  webhookQueue (): string {
    return this.#of('$webhooks', 'q')
  }

  webhookState (): string {
    return this.#of('$webhooks', 'w')
  }

  /** The room of a channel that `channel` named. */
  roomOf (channel: string): string {
    return channel.slice(this.#prefix.length + 1, -3)
  }

  #of (room: string, part: string): string {
    return `${this.#prefix}{${room}}:${part}`
  }
}
