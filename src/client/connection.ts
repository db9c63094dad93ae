import type { Frame } from './frames.ts'
import type { Host, Timer } from './host.ts'
import type { SocketConstructor, SocketLike } from './types.ts'

export interface Closed { readonly code: number, readonly reason: string }

export interface ConnectionListener {
  /** The first frame. */
  onWelcome (connection: Connection, frame: Frame): void
  /** Every frame but `welcome` and `pong`, before whoever asked for it gets it. */
  onFrame (connection: Connection, frame: Frame, text: string): void
  /** `latencyMs` and `aheadMs` are known. */
  onPong (connection: Connection): void
  /** Once, however it ends; what was asked is answered with undefined after it. */
  onClosed (connection: Connection, closed: Closed): void
}

/** Gets the reply, or undefined where the connection ended before it came. */
export type Answer = (reply: Frame | undefined) => void

interface Pending { readonly answer: Answer, sentMs: number }

interface ConnectionOptions {
  readonly WebSocket: SocketConstructor
  readonly url: string
  /** How long an answer may take, while nothing else comes either. */
  readonly timeoutMs: number
  readonly host: Host
}

const MAX_PING_EVERY_MS = 25_000
const PROBE_MS = 4_000
// Of a timer: then the page was frozen, or the machine asleep.
const LATE_MS = 3_000
// While other frames come an answer may be behind a megabyte on a slow line.
const PATIENCE = 6
const OPEN = 1
// Looks within a time-out whether anything is due.
const TICKS = 5

/** One WebSocket's life: requests and their replies, and whether the other side is there at all. */
export class Connection {
  isWelcome = false
  /** The gateway has said that it will close. */
  isLeaving = false
  latencyMs: number | undefined
  maxMessageBytes = Infinity
  /** How far the gateway's clock is ahead of ours, from its last pong. */
  aheadMs = 0
  /** When its token does. */
  expires: string | undefined
  readonly #socket: SocketLike
  readonly #listener: ConnectionListener
  readonly #options: ConnectionOptions
  readonly #pending = new Map<number, Pending>()
  #lastId = 0
  #heardMs: number
  #patienceMs: number
  #pingEveryMs = MAX_PING_EVERY_MS
  #timer: Timer
  #dueMs = 0
  #isClosed = false

  constructor (options: ConnectionOptions, listener: ConnectionListener) {
    this.#options = options
    this.#listener = listener
    this.#patienceMs = options.timeoutMs
    this.#heardMs = options.host.now()
    const socket = this.#socket = new options.WebSocket(options.url)
    socket.onmessage = ({ data }: { readonly data: unknown }) => this.#receive(String(data))
    // Node tells here what browsers keep secret; a close follows.
    let told = ''
    socket.onerror = ({ message = '' }: { readonly message?: string }) => { told = message }
    socket.onclose = ({ code, reason }: Closed) => this.#end({ code, reason: reason || told })
    this.#dueMs = this.#heardMs
    this.#tick()
  }

  get isOpen (): boolean {
    return !this.#isClosed && this.isWelcome && this.#socket.readyState === OPEN
  }

  /** Sends a request, a JSON object as text, with an id. */
  ask (request: string, answer: Answer): void {
    if (!this.isOpen) return answer(undefined)
    const id = ++this.#lastId
    this.#pending.set(id, { answer, sentMs: this.#options.host.now() })
    this.#socket.send(`{"id":${id},${request.slice(1)}`)
  }

  /** Sends a request that nobody waits for; false where it cannot be sent. */
  tell (request: string): boolean {
    if (this.isOpen) this.#socket.send(request)
    return this.isOpen
  }

  /** Finds out soon whether the other side is there. */
  probe (): void {
    if (!this.isOpen) return
    const nowMs = this.#options.host.now()
    // What is asked already was not waited for while nobody was awake.
    for (const pending of this.#pending.values()) pending.sentMs = nowMs
    this.#heardMs = nowMs
    this.#patienceMs = Math.min(PROBE_MS, this.#options.timeoutMs)
    this.#ping()
  }

  close (code = 1000): void {
    this.#socket.close(code)
    this.#end({ code, reason: '' })
  }

  #ping (): void {
    const { host } = this.#options
    const sentMs = host.now()
    this.ask('{"type":"ping"}', (reply) => {
      if (reply === undefined) return
      this.latencyMs = host.now() - sentMs
      this.aheadMs = Date.parse(reply.timestamp ?? '') + this.latencyMs / 2 - Date.now() || 0
      this.#listener.onPong(this)
    })
  }

  #receive (text: string): void {
    if (this.#isClosed) return
    this.#heardMs = this.#options.host.now()
    this.#patienceMs = this.#options.timeoutMs
    try {
      const frame = JSON.parse(text) as Frame
      if (frame.type === 'welcome') this.#welcome(frame)
      else if (this.isWelcome) this.#take(frame, text)
    } catch (error) {
      // No JSON, or not what the protocol says: what listeners throw does not come here.
      this.#giveUp(String(error))
    }
  }

  #welcome (frame: Frame): void {
    this.isWelcome = true
    this.expires = frame.expires
    this.maxMessageBytes = frame.maxMessageBytes || Infinity
    this.#pingEveryMs = Math.min(frame.pingIntervalMs || MAX_PING_EVERY_MS, MAX_PING_EVERY_MS)
    this.#listener.onWelcome(this, frame)
    this.#ping()
  }

  #take (frame: Frame, text: string): void {
    const pending = frame.id === undefined ? undefined : this.#pending.get(frame.id)
    if (frame.type !== 'pong') this.#listener.onFrame(this, frame, text)
    if (pending === undefined) return
    this.#pending.delete(frame.id!)
    pending.answer(frame)
  }

  /** A dead network closes nothing: silence while something is due counts as a close. */
  #tick (): void {
    const { host, timeoutMs } = this.#options
    const nowMs = host.now()
    const lateMs = nowMs - this.#dueMs
    this.#dueMs = nowMs + timeoutMs / TICKS
    this.#timer = host.setTimeout(() => this.#tick(), timeoutMs / TICKS)
    const silentMs = nowMs - this.#heardMs
    const [oldest] = this.#pending.values()
    if (!this.isWelcome) {
      if (silentMs >= timeoutMs) this.#giveUp('no welcome came')
    } else if (lateMs > LATE_MS) this.probe()
    else if (oldest === undefined) {
      if (silentMs >= this.#pingEveryMs) this.#ping()
    } else {
      const waitedMs = nowMs - oldest.sentMs
      const isSilent = Math.min(waitedMs, silentMs) >= this.#patienceMs
      if (isSilent || waitedMs >= PATIENCE * timeoutMs) this.#giveUp('no answer came')
    }
  }

  #giveUp (reason: string): void {
    this.#socket.close()
    this.#end({ code: 1006, reason })
  }

  #end (closed: Closed): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#options.host.clearTimeout(this.#timer)
    this.#socket.onmessage = this.#socket.onclose = null
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    this.#listener.onClosed(this, closed)
    for (const { answer } of pending) answer(undefined)
  }
}
