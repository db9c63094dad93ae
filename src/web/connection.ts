import { type Ask, type Frame, RequestError } from './frames.ts'
import { pageToken } from './page-token.ts'
import { type Refused, Rooms } from './rooms.ts'

export type State =
  | { readonly is: 'connecting' }
  | { readonly is: 'online', readonly user: string, readonly replica: string }
  | { readonly is: 'waiting', readonly seconds: number, readonly lost: boolean }
  | { readonly is: 'stopped', readonly reason: string }

interface Handlers {
  readonly state: (state: State) => void
  readonly frame: (frame: Frame) => void
  readonly refused: Refused
}

interface Pending { readonly resolve: (frame: Frame) => void, readonly reject: (error: RequestError) => void }

const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 15_000
const SILENCE_MS = 10_000
const FINAL_CLOSES = new Map([
  [4400, 'the gateway could not read what this page sent; this is a bug'],
  [4401, 'the token of this page (#token=…) is bad, or has expired'],
  [4403, 'disconnected by an operator']
])

const NO_TOKEN = `this gateway asks for a token: open the page as ${location.pathname}#token=…`

/** A WebSocket to the page's own host that comes back by itself, and then resumes its rooms. */
export class Connection {
  online = false
  readonly rooms: Rooms
  private readonly handlers: Handlers
  private readonly pending = new Map<number, Pending>()
  private socket: WebSocket | undefined
  private user = ''
  private attempt = 0
  private lastId = 0
  private notBefore = 0
  private maxBytes = Infinity
  private wasOnline = false
  private farewell: string | undefined
  private retry: number | undefined
  private silence: number | undefined
  private pings: number | undefined

  constructor (handlers: Handlers) {
    this.handlers = handlers
    this.rooms = new Rooms(this.request, handlers.refused)
    window.addEventListener('online', () => {
      if (this.retry !== undefined) this.wait(0)
      else this.ping()
    })
  }

  /** Connects; called again, it connects anew, under this name. */
  start (user: string): void {
    this.user = user
    this.attempt = 0
    this.drop()
    this.open()
  }

  /** Nothing is ever queued: while not online a request fails at once. */
  readonly request: Ask = async (fields) => {
    if (this.socket === undefined || !this.online) throw new RequestError('there is no connection', true)
    const id = ++this.lastId
    const text = JSON.stringify({ ...fields, id })
    if (new TextEncoder().encode(text).length > this.maxBytes) {
      throw new RequestError(`it is too large (at most ${this.maxBytes} bytes)`, true)
    }
    this.socket.send(text)
    return await new Promise<Frame>((resolve, reject) => {
      this.pending.set(id, { resolve, reject })
      if (this.pending.size === 1) this.listen()
    })
  }

  private open (): void {
    const url = new URL('ws', location.href)
    url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
    if (this.user !== '') url.searchParams.set('user', this.user)
    if (pageToken !== null) url.searchParams.set('token', pageToken)
    this.socket = new WebSocket(url)
    this.socket.onmessage = (event) => { this.receive(JSON.parse(String(event.data)) as Frame) }
    this.socket.onclose = (event) => { this.lose(event.code) }
    this.retry = undefined
    this.farewell = undefined
    this.handlers.state({ is: 'connecting' })
    this.listen()
  }

  private receive (frame: Frame): void {
    if (frame.type === 'welcome') this.welcome(frame)
    if (frame.type === 'goodbye') {
      this.notBefore = performance.now() + (frame.afterMs ?? 0)
      if (frame.reconnect === false) this.farewell = `the gateway said goodbye (${frame.reason})`
    }
    this.settle(frame)
    this.listen()
    this.rooms.receive(frame)
    this.handlers.frame(frame)
  }

  private welcome (frame: Frame): void {
    this.online = this.wasOnline = true
    this.attempt = 0
    this.maxBytes = frame.maxMessageBytes || Infinity
    this.pings = setInterval(() => { this.ping() }, frame.pingIntervalMs || 25_000)
    this.handlers.state({ is: 'online', user: frame.user ?? '', replica: frame.replica ?? '' })
  }

  private settle (frame: Frame): void {
    if (frame.id === undefined) return
    const pending = this.pending.get(frame.id)
    this.pending.delete(frame.id)
    if (frame.type !== 'error') return pending?.resolve(frame)
    const certain = frame.reason !== 'unknown_outcome'
    pending?.reject(new RequestError(frame.message ?? 'refused', certain, frame))
  }

  private ping (): void {
    this.request({ type: 'ping' }).catch(() => {})
  }

  /** A network that died closes nothing: while something is due, silence counts as a close. */
  private listen (): void {
    clearTimeout(this.silence)
    const due = !this.online || this.pending.size > 0
    this.silence = due ? setTimeout(() => { this.lose(1006) }, SILENCE_MS) : undefined
  }

  private lose (code: number): void {
    this.drop()
    const reason = FINAL_CLOSES.get(code) ?? this.farewell
    if (reason !== undefined) this.handlers.state({ is: 'stopped', reason })
    else if (!this.wasOnline && pageToken === null) void this.askWhy()
    else this.retryLater()
  }

  /** A browser does not tell why an upgrade was refused; over HTTP the gateway says so. */
  private async askWhy (): Promise<void> {
    const signal = AbortSignal.timeout(SILENCE_MS)
    const status = await fetch('position', { signal }).then((answer) => answer.status, () => 0)
    if (this.socket !== undefined || this.retry !== undefined) return
    if (status === 401) this.handlers.state({ is: 'stopped', reason: NO_TOKEN })
    else this.retryLater()
  }

  private retryLater (): void {
    this.wait(Math.random() * Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.attempt++))
  }

  private drop (): void {
    clearTimeout(this.retry)
    clearTimeout(this.silence)
    clearInterval(this.pings)
    this.retry = undefined
    this.online = false
    if (this.socket !== undefined) {
      this.socket.onmessage = this.socket.onclose = null
      this.socket.close()
      this.socket = undefined
    }
    const unanswered = [...this.pending.values()]
    this.pending.clear()
    for (const { reject } of unanswered) {
      reject(new RequestError('the connection broke before the gateway answered', false))
    }
  }

  private wait (ms: number): void {
    clearTimeout(this.retry)
    const until = Math.max(performance.now() + ms, this.notBefore)
    const tick = () => {
      const left = until - performance.now()
      if (left <= 0) return this.open()
      this.handlers.state({ is: 'waiting', seconds: Math.ceil(left / 1000), lost: this.wasOnline })
      this.retry = setTimeout(tick, left % 1000)
    }
    tick()
  }
}
