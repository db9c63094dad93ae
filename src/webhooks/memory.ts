import { randomUUID } from 'node:crypto'
import type { RoomChange } from '../presence/presence.ts'
import { type BatchLimits, EVENT_TYPES, type EventQueue, type QueuedEvent, type Taken } from './queue.ts'

interface Options {
  /** Which events of a room are kept: letters of EVENT_TYPES. */
  readonly wantedOf: (room: string) => string
  readonly maxWaiting: number
  readonly leaseMs: number
}

/** What replicas in one process share instead of Redis: its stream and its hash (redis/webhook-scripts.ts). */
export class EventTable {
  readonly epoch = randomUUID()
  readonly waiting: QueuedEvent[] = []
  top = 0
  done = 0
  /** The end of the batch that was taken, until it is done. */
  taken = 0
  tries = 0
  notBeforeMs = 0
  holder: MemoryEventQueue | undefined
  holdsUntilMs = 0
}

/** The embedded queue: it ends with its gateway. */
export class MemoryEventQueue implements EventQueue {
  readonly #options: Options
  readonly #table: EventTable

  constructor (options: Options, table = new EventTable()) {
    this.#options = options
    this.#table = table
  }

  /** What has changed in a room. Those who wait longest are cut off where too many do. */
  append (change: RoomChange): void {
    const wanted = this.#options.wantedOf(change.room)
    const table = this.#table
    for (const [letter, rest] of eventsOf(change)) {
      if (!wanted.includes(letter)) continue
      const number = ++table.top
      const body = `"type":"${EVENT_TYPES[letter]}","room":"${change.room}"${rest}`
      table.waiting.push({ number, id: `${table.epoch}-${number}`, timestampMs: Date.now(), body })
      if (table.waiting.length > this.#options.maxWaiting) table.waiting.shift()
    }
  }

  async take ({ maxEvents, maxBytes }: BatchLimits): Promise<Taken | undefined> {
    if (!this.#hold()) return undefined
    const table = this.#table
    const [first] = table.waiting
    const head = first?.number ?? table.top + 1
    const dropped = Math.max(0, head - table.done - 1)
    table.done += dropped
    const nowMs = Date.now()
    const restMs = Math.max(0, table.notBeforeMs - nowMs)
    const events = restMs > 0 ? [] : this.#next(head, maxEvents, maxBytes)
    const waiting = table.waiting.length
    return { nowMs, events, waiting, oldestMs: first && nowMs - first.timestampMs, dropped, tries: table.tries, restMs }
  }

  #next (head: number, maxEvents: number, maxBytes: number): QueuedEvent[] {
    const table = this.#table
    const last = table.taken >= head ? table.taken : undefined
    const events: QueuedEvent[] = []
    let bytes = 0
    for (const event of table.waiting) {
      bytes += Buffer.byteLength(event.body)
      const isOver = last === undefined
        ? events.length === maxEvents || (bytes > maxBytes && events.length > 0)
        : event.number > last
      if (isOver) break
      events.push(event)
    }
    table.taken = events.at(-1)?.number ?? 0
    return events
  }

  async keep (): Promise<boolean> {
    return this.#hold()
  }

  #hold (): boolean {
    const table = this.#table
    const nowMs = performance.now()
    if (table.holder !== undefined && table.holder !== this && table.holdsUntilMs > nowMs) return false
    table.holder = this
    table.holdsUntilMs = nowMs + this.#options.leaseMs
    return true
  }

  async done ({ number: last }: QueuedEvent): Promise<void> {
    const table = this.#table
    table.done = Math.max(table.done, last)
    while (table.waiting.length > 0 && table.waiting[0]!.number <= last) table.waiting.shift()
    if (table.taken > last) return
    table.taken = 0
    table.tries = 0
    table.notBeforeMs = 0
  }

  async failed (tries: number, restMs: number): Promise<void> {
    if (this.#table.holder !== this) return
    this.#table.tries = tries
    this.#table.notBeforeMs = Date.now() + restMs
  }

  async release (): Promise<void> {
    if (this.#table.holder === this) this.#table.holder = undefined
  }
}

type Letter = keyof typeof EVENT_TYPES

/** In the order in which they come true, as the scripts of Redis have it. */
function eventsOf ({ occupied, vacated, joined, left, count }: RoomChange): Array<readonly [Letter, string]> {
  const of = (user: string, info?: string): string =>
    `,"user":${JSON.stringify(user)}${info === undefined ? '' : `,"info":${info}`},"count":${count}`
  const events: Array<readonly [Letter, string]> = []
  if (occupied) events.push(['o', ''])
  for (const { user, info } of joined) events.push(['j', of(user, info)])
  for (const user of left) events.push(['l', of(user)])
  if (vacated) events.push(['v', ''])
  return events
}
