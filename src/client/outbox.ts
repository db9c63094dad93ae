import type { Connection } from './connection.ts'
import { backoffMs } from './backoff.ts'
import { errorOf } from './channel.ts'
import { TidegateError } from './errors.ts'
import type { Frame } from './frames.ts'
import type { Host, Timer } from './host.ts'

/** What is to be published once, as the text of its request. */
export interface Publication {
  /** Whose order it belongs to: a room, `$all`, or `position`. */
  readonly lane: string
  readonly request: string
  readonly signal?: AbortSignal | undefined
  /** How often it is asked again, where the gateway refuses it for now; as often as it takes where not given. */
  readonly maxTries?: number | undefined
  /** Called at once with the ack, before any frame that follows it. */
  readonly onAck?: ((connection: Connection, ack: Frame) => void) | undefined
}

export interface OutboxOptions {
  readonly maxMessages: number
  readonly maxBytes: number
  readonly host: Host
  /** The connection to publish on in a lane; an error where there will be none; undefined for not now. */
  readonly connectionFor: (lane: string) => Connection | TidegateError | undefined
  /** The gateway says that it must be joined first. */
  readonly onNotJoined: (lane: string, connection: Connection) => void
}

interface Item extends Publication {
  readonly bytes: number
  readonly resolve: (ack: Frame) => void
  readonly reject: (error: TidegateError) => void
  /** When it was first sent without an answer that says what became of it. */
  unknownMs: number | undefined
  tries: number
  /** The gateway does not know its key any more. */
  isKeyLost: boolean
  isSettled: boolean
  onSettled: () => void
}

interface Lane {
  readonly items: Item[]
  isBusy: boolean
}

/**
 * The gateway knows a key for 5 minutes from when it stored the message: after that a retry could store it twice. The
 * rest is for what is under way.
 */
export const KNOWN_MS = 270_000
const MAX_IN_FLIGHT = 32
const FIRST_RETRY_MS = 200
const LONGEST_RETRY_MS = 5_000
// Of not_joined, each after a join: then something is wrong.
const MAX_REFUSALS = 5

/**
 * What waits to be published, bounded. In a room one is under way at a time: the gateway keeps the order of what it is
 * asked on one connection, but refuses single requests (rate limits, Redis away), and what came behind a refused one
 * would overtake its retry. Different rooms do not wait for each other.
 */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #lanes = new Map<string, Lane>()
  #messages = 0
  #bytes = 0
  #inFlight = 0
  // Falls by half with each refusal for the rate, rises by one with each ack: rooms are many, and the rate is one.
  #window = MAX_IN_FLIGHT
  #notBeforeMs = 0
  #timer: Timer

  constructor (options: OutboxOptions) {
    this.#options = options
  }

  get size (): number {
    return this.#messages
  }

  /** Resolves with the ack. */
  async publish (publication: Publication): Promise<Frame> {
    const { lane, request, signal } = publication
    const { maxMessages, maxBytes } = this.#options
    const bytes = new TextEncoder().encode(request).length
    if (signal?.aborted === true) throw aborted(false, signal)
    if (this.#messages >= maxMessages || this.#bytes + bytes > maxBytes) {
      throw new TidegateError('outbox_full', `${this.#messages} messages wait`, { room: lane })
    }
    return await new Promise((resolve, reject) => {
      const fresh = { tries: 0, unknownMs: undefined, isKeyLost: false, isSettled: false, onSettled: () => {} }
      const item: Item = { ...publication, ...fresh, bytes, resolve, reject }
      const onAbort = (): void => this.#abort(item)
      signal?.addEventListener('abort', onAbort)
      item.onSettled = () => signal?.removeEventListener('abort', onAbort)
      this.#enqueue(item)
      this.pump()
    })
  }

  /** Sends what can be sent now. */
  pump (): void {
    const { host } = this.#options
    const nowMs = host.now()
    let nextMs = Infinity
    for (const [name, lane] of [...this.#lanes]) nextMs = Math.min(nextMs, this.#serve(name, lane, nowMs))
    host.clearTimeout(this.#timer)
    if (nextMs < Infinity) this.#timer = host.setTimeout(() => this.pump(), Math.max(nextMs - nowMs, 1))
  }

  /** A log was lost, and the memory of its keys with it: what may be in it is not sent again. */
  forget (lane: string): void {
    const [head] = this.#lanes.get(lane)?.items ?? []
    if (head?.unknownMs !== undefined) head.isKeyLost = true
  }

  /** Nothing will be sent any more, in one lane or in all. */
  fail (error: TidegateError, only?: string): void {
    for (const [name, lane] of [...this.#lanes]) {
      if (only !== undefined && name !== only) continue
      for (const item of [...lane.items]) this.#reject(lane, item, outcomeOf(item, error))
      this.#lanes.delete(name)
    }
  }

  #enqueue (item: Item): void {
    let lane = this.#lanes.get(item.lane)
    if (lane === undefined) this.#lanes.set(item.lane, lane = { items: [], isBusy: false })
    lane.items.push(item)
    this.#messages++
    this.#bytes += item.bytes
  }

  /** @returns when to look again */
  #serve (name: string, lane: Lane, nowMs: number): number {
    let head: Item | undefined
    while ((head = lane.items[0]) !== undefined && !lane.isBusy) {
      if (head.isSettled) this.#remove(lane, head)
      else if (head.unknownMs !== undefined && (head.isKeyLost || nowMs - head.unknownMs > KNOWN_MS)) {
        this.#reject(lane, head, unknown(head.isKeyLost ? 'the log was lost' : 'no answer came'))
      } else break
    }
    if (head === undefined) {
      if (!lane.isBusy) this.#lanes.delete(name)
      return Infinity
    }
    const expiresMs = head.unknownMs === undefined ? Infinity : head.unknownMs + KNOWN_MS + 1
    if (lane.isBusy) return Infinity
    if (this.#notBeforeMs > nowMs) return this.#notBeforeMs
    if (this.#inFlight < this.#window) this.#send(name, lane, head, nowMs)
    return expiresMs
  }

  #send (name: string, lane: Lane, item: Item, nowMs: number): void {
    const connection = this.#options.connectionFor(name)
    if (connection === undefined) return
    if (connection instanceof TidegateError) return this.fail(connection, name)
    if (item.bytes + 24 > connection.maxMessageBytes) {
      this.#reject(lane, item, new TidegateError('too_large', `more than ${connection.maxMessageBytes} bytes`, { code: 413, room: name }))
      // In a turn of its own, because this is one.
      queueMicrotask(() => this.pump())
      return
    }
    lane.isBusy = true
    this.#inFlight++
    const wasUnknown = item.unknownMs !== undefined
    item.unknownMs ??= nowMs
    connection.ask(item.request, (reply) => {
      lane.isBusy = false
      this.#inFlight--
      this.#answered(name, lane, item, connection, reply, wasUnknown)
      this.pump()
    })
  }

  #answered (
    name: string, lane: Lane, item: Item, connection: Connection, reply: Frame | undefined, wasUnknown: boolean
  ): void {
    if (reply === undefined) return
    if (reply.type !== 'error') {
      this.#window = Math.min(this.#window + 1, MAX_IN_FLIGHT)
      item.onAck?.(connection, reply)
      if (!item.isSettled) item.resolve(reply)
      return this.#remove(lane, item)
    }
    const isRefused = reply.reason !== 'unknown_outcome'
    // This attempt had no effect; one before it may have had.
    if (isRefused && !wasUnknown) item.unknownMs = undefined
    if (!this.#mayRetry(name, item, connection, reply)) {
      this.#reject(lane, item, outcomeOf(item, errorOf(reply, name)))
    }
  }

  /** What is refused for one room is refused for all: the rate is one, and Redis is. */
  #mayRetry (name: string, item: Item, connection: Connection, { reason, retryable, retryAfterMs }: Frame): boolean {
    const { host, onNotJoined } = this.#options
    const isNotJoined = reason === 'not_joined'
    if ((retryable !== true && !isNotJoined) || ++item.tries > (item.maxTries ?? Infinity)) return false
    if (isNotJoined) {
      onNotJoined(name, connection)
      return item.tries <= MAX_REFUSALS
    }
    this.#window = Math.max(1, this.#window >> 1)
    const waitMs = retryAfterMs ?? backoffMs(item.tries, FIRST_RETRY_MS, LONGEST_RETRY_MS, host.random)
    this.#notBeforeMs = Math.max(this.#notBeforeMs, host.now() + waitMs)
    return true
  }

  #abort (item: Item): void {
    const lane = this.#lanes.get(item.lane)
    if (item.isSettled || lane === undefined) return
    item.isSettled = true
    item.reject(aborted(item.unknownMs !== undefined, item.signal!))
    // What is under way keeps its place until it is answered.
    if (!(lane.isBusy && lane.items[0] === item)) this.#remove(lane, item)
  }

  #reject (lane: Lane, item: Item, error: TidegateError): void {
    if (!item.isSettled) item.reject(error)
    this.#remove(lane, item)
  }

  #remove (lane: Lane, item: Item): void {
    const index = lane.items.indexOf(item)
    if (index === -1) return
    item.isSettled = true
    item.onSettled()
    lane.items.splice(index, 1)
    this.#messages--
    this.#bytes -= item.bytes
  }
}

/** Where an earlier try may have been stored, a refusal of this one does not tell. */
function outcomeOf (item: Item, error: TidegateError): TidegateError {
  return item.unknownMs === undefined ? error : unknown(error.message, error)
}

function aborted (isUnknown: boolean, signal: AbortSignal): TidegateError {
  return new TidegateError('aborted', 'aborted', { isUnknown, cause: signal.reason })
}

function unknown (message: string, cause?: TidegateError): TidegateError {
  return new TidegateError('unknown_outcome', `it may have been published: ${message}`, { retryable: false, cause })
}
