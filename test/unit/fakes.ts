import type t from 'tap'
import { DeliveryCounts } from '../../src/hub/delivery-counts.ts'
import { Flusher } from '../../src/hub/flusher.ts'
import { payloadOf, type Frame } from '../../src/hub/frame.ts'
import type { MemberOwner } from '../../src/hub/member.ts'
import { type LogLimits, RingBudget } from '../../src/hub/ring.ts'
import { type Backlog, type Newest, type Page, Room } from '../../src/hub/room.ts'
import { type Outlet, SendQueue } from '../../src/hub/send-queue.ts'
import { Turnaround } from '../../src/hub/turnaround.ts'
import type { Cursor } from '../../src/protocol/cursor.ts'
import type { Entry, Envelope } from '../../src/protocol/entry.ts'
import type { RoomKind } from '../../src/protocol/rooms.ts'
import { Gate } from '../../src/session/gate.ts'

export const NOON = Date.UTC(2026, 0, 1, 12)

/** Everything that is due in this turn of the event loop has run. */
export async function turn (): Promise<void> {
  await new Promise<void>((resolve) => { setImmediate(resolve) })
}

/** A promise that is settled by hand. */
export class Deferred<Value = void> {
  resolve!: (value: Value) => void
  reject!: (error: Error) => void
  readonly promise = new Promise<Value>((resolve, reject) => {
    this.resolve = resolve
    this.reject = reject
  })
}

/** A place in a log whose ids tell the number, and the fork where there is one: `a5`, `b5`. */
export function place (seq: number, fork = 'a', epoch = 'e1'): Cursor {
  return { epoch, seq, id: `${fork}${seq}` }
}

/** The entry at that place; its content is its number. */
export function entry (seq: number, fork = 'a', fields: Partial<Entry> = {}): Entry {
  return {
    ...place(seq, fork),
    prev: `${fork}${seq - 1}`,
    timestampMs: NOON,
    from: '"ann"',
    content: Buffer.from(String(seq)),
    except: undefined,
    ...fields
  }
}

export function entries (first: number, last: number, fork = 'a'): Entry[] {
  return Array.from({ length: last - first + 1 }, (_, index) => entry(first + index, fork))
}

export function heard (one: Entry): Envelope {
  return { kind: 'entry', entry: one }
}

/** What a frame says. */
export function said (frame: Frame): Record<string, unknown> {
  return JSON.parse(Buffer.from(payloadOf(frame)).toString()) as Record<string, unknown>
}

/** The frames that were joined in one write. */
export function framesOf (bytes: Uint8Array): Frame[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const frames: Frame[] = []
  for (let at = 0; at < view.length;) {
    const short = view[at + 1]!
    const [head, length] = short < 126
      ? [2, short]
      : short === 126 ? [4, view.readUInt16BE(at + 2)] : [10, Number(view.readBigUInt64BE(at + 2))]
    frames.push(view.subarray(at, at + head + length))
    at += head + length
  }
  return frames
}

/** A socket that can stall: then what is written waits in it. */
export class FakeOutlet implements Outlet {
  readonly writes: Frame[] = []
  /** How many of them somebody waits for. */
  awaited = 0
  pendingBytes = 0
  isStalled = false

  write (bytes: Frame, isAwaited: boolean): void {
    this.writes.push(bytes)
    if (isAwaited) this.awaited++
    if (this.isStalled) this.pendingBytes += bytes.length
  }

  get frames (): Frame[] {
    return this.writes.flatMap(framesOf)
  }

  get bytes (): Buffer {
    return Buffer.concat(this.writes)
  }
}

/** One that takes pieces as they are. */
export class FakePiecesOutlet extends FakeOutlet {
  writePieces (pieces: readonly Frame[], isAwaited: boolean): void {
    pieces.forEach((piece, index) => this.write(piece, isAwaited && index === pieces.length - 1))
  }
}

/** Everyone's, and never tired: what a test queues is written at the end of its turn. */
export const flusher = new Flusher(0, () => 0, () => 0)

/** A queue on a fake socket, which counts what it is told. */
export class FakeConnection {
  readonly outlet = new FakeOutlet()
  readonly events: string[] = []
  readonly queue: SendQueue
  onDrained = (): void => {}

  constructor (maxBytes = 10_000) {
    this.queue = new SendQueue(this.outlet, flusher, maxBytes, {
      onFull: () => { this.events.push('full') },
      onDrained: () => {
        this.events.push('drained')
        this.onDrained()
      }
    })
  }

  /** The client stops reading. */
  readonly stall = (): void => { this.outlet.isStalled = true }

  /** The client reads again: the kernel takes what waited. */
  readonly drain = (): void => {
    this.outlet.isStalled = false
    this.outlet.pendingBytes = 0
    this.queue.drained()
  }

  /** What has been written, once what is read is queued (one turn) and what is queued is flushed (another). */
  async said (): Promise<Array<Record<string, unknown>>> {
    await turn()
    await turn()
    return this.outlet.frames.map(said)
  }

  /** The same, in short: the numbers of messages, and the types of everything else. */
  async told (): Promise<unknown[]> {
    return (await this.said()).map(({ type, content }) => type === 'message' ? content : type)
  }
}

/** Who members of one connection belong to. */
export function ownerOf (connection: string, queue: SendQueue): MemberOwner {
  return { connection, user: connection, queue, reads: new Gate(1) }
}

/** A log that is read page by page. */
export class FakeBacklog implements Backlog {
  readonly asked: Cursor[] = []
  log: readonly Entry[] = []
  pageEntries = 100
  /** Answers instead of the log, where it is set. */
  answer: ((after: Cursor) => Promise<Page>) | undefined

  async after (at: Cursor): Promise<Page> {
    this.asked.push(at)
    if (this.answer !== undefined) return await this.answer(at)
    const newer = this.log.filter(({ seq }) => seq > at.seq)
    return { entries: newer.slice(0, this.pageEntries), top: this.log.at(-1) ?? at, nowMs: NOON }
  }

  async page (at: Cursor): Promise<Page> {
    return await this.after(at)
  }

  async top (): Promise<Cursor> {
    return this.log.at(-1) ?? place(0)
  }

  async newest (count: number): Promise<Newest> {
    return { top: await this.top(), entries: this.log.slice(-count) }
  }
}

export const KEEP: LogLimits = { maxEntries: 500, maxAgeMs: 0 }
const KEEP_ONE: LogLimits = { maxEntries: 1, maxAgeMs: 0 }

/** A room called general, which has a budget to itself where none is given. */
export function openRoom (kind: RoomKind, backlog: Backlog, budget = new RingBudget(10_000_000)): Room {
  return new Room('general', kind, backlog, kind === 'latest' ? KEEP_ONE : KEEP, {
    budget, counts: new DeliveryCounts(new Turnaround(flusher)), flusher
  })
}

/** Time that passes by hand: nothing of what asks for `performance.now` or `setTimeout` runs on its own. */
export class FakeTime {
  nowMs = 1_000
  readonly #timers = new Map<object, { readonly dueMs: number, readonly run: () => void }>()

  constructor (test: Pick<typeof t, 'capture'>) {
    test.capture(performance, 'now', () => this.nowMs)
    const setTimer = (run: () => void, ms = 0): object => {
      const handle = {}
      this.#timers.set(handle, { dueMs: this.nowMs + ms, run })
      return handle
    }
    test.capture(globalThis, 'setTimeout', setTimer as typeof setTimeout)
    test.capture(globalThis, 'clearTimeout', ((handle: object) => { this.#timers.delete(handle) }) as typeof clearTimeout)
  }

  get timers (): number {
    return this.#timers.size
  }

  pass (ms: number): void {
    this.nowMs += ms
    for (const [handle, { dueMs, run }] of this.#timers) {
      if (dueMs <= this.nowMs && this.#timers.delete(handle)) run()
    }
  }
}
