import { backoffMs } from './backoff.ts'
import { type Closed, Connection, type ConnectionListener } from './connection.ts'
import { TidegateError } from './errors.ts'
import type { Frame } from './frames.ts'
import { findWebSocket, type Host, type Timer } from './host.ts'
import { Tokens } from './tokens.ts'
import type { ConnectOptions, State, StateChange } from './types.ts'

export interface LinkListener {
  onState (change: StateChange): void
  onError (error: TidegateError): void
  /** A connection is there, and wants its rooms joined; the one before it may still be. */
  onWelcome (connection: Connection, frame: Frame): void
  /** Whether all rooms are joined on it. */
  isSettledOn (connection: Connection): boolean
  /** What is asked from now on is asked of this one. */
  onCurrent (connection: Connection): void
  onFrame (connection: Connection, frame: Frame, text: string): void
  onLost (connection: Connection): void
}

const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 20_000
const TIMEOUT_MS = 10_000
// A connection that ends sooner was none: the back-off goes on growing.
const STABLE_MS = 5_000
// After the rooms have moved. The gateway itself ends it 2 s after its slot.
const LINGER_MS = 1_500
// 4400: a bug of ours. 4403: an operator's will. 1003: never by this client.
const FINAL: Readonly<Record<number, TidegateError['reason']>> = { 4400: 'bad_message', 4403: 'forbidden' }
const BAD_TOKEN = 4401
// The gateway has too much to do: half a second is too soon.
const BUSY = [4429, 4503]

/** Which connection there is, when the next is made, and which one counts. */
export class Link implements ConnectionListener {
  state: State = 'connecting'
  /** The one that counts. */
  current: Connection | undefined
  readonly #url: URL
  readonly #options: ConnectOptions
  readonly #host: Host
  readonly #listener: LinkListener
  readonly #tokens: Tokens
  readonly #stopNetwork: () => void
  #next: Connection | undefined
  #retiring: Connection | undefined
  #isDialing = false
  #attempts = 0
  #welcomeMs = -Infinity
  #timer: Timer
  #slotMs: number | undefined
  #lastError: TidegateError | undefined
  #isClosed = false

  constructor (url: URL, options: ConnectOptions, host: Host, listener: LinkListener) {
    this.#url = url
    this.#options = options
    this.#host = host
    this.#listener = listener
    this.#tokens = new Tokens(options, host, (error) => listener.onError(error))
    this.#stopNetwork = host.onNetwork(() => this.#onNetwork())
  }

  start (): void {
    void this.#dial()
  }

  /** For good. */
  close (error?: TidegateError): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#host.clearTimeout(this.#timer)
    this.#tokens.stop()
    this.#stopNetwork()
    this.#setState('closed', error)
    for (const connection of [this.current, this.#next, this.#retiring]) connection?.close()
  }

  /** A room is joined: perhaps it was the last one that the next connection waited for. */
  settle (): void {
    const next = this.#next
    if (next?.isWelcome === true && this.current !== undefined && this.#listener.isSettledOn(next)) this.#switchTo(next)
  }

  async #dial (): Promise<void> {
    if (this.#isClosed || this.#isDialing || this.#next !== undefined) return
    this.#isDialing = true
    this.#slotMs = undefined
    this.#host.clearTimeout(this.#timer)
    if (this.current === undefined) this.#setState('connecting')
    try {
      const WebSocket = await findWebSocket(this.#options.WebSocket)
      const token = await this.#tokens.get()
      this.#isDialing = false
      if (this.#isClosed) return
      const { timeoutMs = TIMEOUT_MS } = this.#options
      const url = this.#address(token)
      this.#next = new Connection({ WebSocket, url, timeoutMs, host: this.#host }, this)
    } catch (error) {
      this.#isDialing = false
      const told = error instanceof TidegateError ? error : new TidegateError('connect_failed', String(error), { cause: error })
      if (this.#isClosed) return
      if (told.reason === 'no_websocket') return this.close(told)
      this.#failed(told)
    }
  }

  #address (token: string | undefined): string {
    const url = new URL(this.#url)
    if (this.#options.user !== undefined) url.searchParams.set('user', this.#options.user)
    if (token !== undefined) url.searchParams.set('token', token)
    return url.href
  }

  onWelcome (connection: Connection, frame: Frame): void {
    this.#lastError = undefined
    this.#listener.onWelcome(connection, frame)
    if (this.current === undefined) this.#switchTo(connection)
    else this.settle()
  }

  onFrame (connection: Connection, frame: Frame, text: string): void {
    if (frame.type === 'goodbye') this.#onGoodbye(connection, frame)
    this.#listener.onFrame(connection, frame, text)
  }

  onPong (connection: Connection): void {
    if (connection === this.current) this.#tokens.watch(connection)
  }

  #switchTo (connection: Connection): void {
    const old = this.current
    this.current = connection
    this.#next = undefined
    this.#welcomeMs = this.#host.now()
    if (old !== undefined) this.#retire(old)
    this.#setState('online')
    this.#listener.onCurrent(connection)
    // Known where its first pong came before all its rooms.
    if (connection.latencyMs !== undefined) this.#tokens.watch(connection)
    // It may have said goodbye before its rooms were joined.
    if (connection.isLeaving) this.#schedule()
  }

  /** What was asked of it is answered meanwhile, and what was under way to it comes. */
  #retire (old: Connection): void {
    this.#retiring?.close()
    this.#retiring = old
    this.#host.setTimeout(() => old.close(), LINGER_MS)
  }

  #onGoodbye (connection: Connection, { afterMs = 0 }: Frame): void {
    if (connection === this.#retiring) return
    connection.isLeaving = true
    this.#slotMs = this.#host.now() + afterMs
    if (connection === this.current) this.#schedule()
  }

  onClosed (connection: Connection, closed: Closed): void {
    if (connection === this.#retiring) this.#retiring = undefined
    const wasCurrent = connection === this.current
    const wasNext = connection === this.#next
    if (wasCurrent) this.current = undefined
    if (wasNext) this.#next = undefined
    this.#listener.onLost(connection)
    if (this.#isClosed || !(wasCurrent || wasNext)) return
    const error = this.#judge(connection, closed)
    if (error !== undefined) return this.close(error)
    if (wasCurrent && this.#next?.isWelcome === true) return this.#switchTo(this.#next)
    const message = `closed with ${closed.code} ${closed.reason}`
    this.#failed(new TidegateError(connection.isWelcome ? 'disconnected' : 'connect_failed', message))
  }

  /** Why this was the end; undefined to go on. */
  #judge (connection: Connection, { code, reason }: Closed): TidegateError | undefined {
    const final = FINAL[code]
    if (final !== undefined) return new TidegateError(final, `closed with ${code} ${reason}`, { code: code - 4000, retryable: false })
    // Node's ws tells why an upgrade was refused; browsers do not.
    if (code === BAD_TOKEN || reason.endsWith(' 401')) {
      const why = reason.includes('expired') ? 'token_expired' : 'unauthenticated'
      if (!this.#tokens.isRenewable) return new TidegateError(why, reason, { code: 401 })
      this.#tokens.spoil()
    }
    if (BUSY.includes(code)) this.#attempts = Math.max(this.#attempts, 3)
    else if (connection.isWelcome && this.#host.now() - this.#welcomeMs >= STABLE_MS) this.#attempts = 0
    return undefined
  }

  /** There is no next connection: it is tried again, later. */
  #failed (error: TidegateError): void {
    this.#lastError = error
    if (error.reason !== 'disconnected') this.#listener.onError(error)
    this.#schedule()
  }

  #schedule (): void {
    if (this.#isClosed || this.#isDialing || this.#next !== undefined) return
    const { firstMs = FIRST_RETRY_MS, longestMs = LONGEST_RETRY_MS } = this.#options.retry ?? {}
    // Its slot spreads a crowd out already.
    const waitMs = this.#slotMs === undefined
      ? backoffMs(this.#attempts++, firstMs, longestMs, this.#host.random)
      : Math.max(0, this.#slotMs - this.#host.now())
    this.#host.clearTimeout(this.#timer)
    this.#timer = this.#host.setTimeout(() => { void this.#dial() }, waitMs)
    if (this.current !== undefined) return
    this.#setState(this.#host.isOffline() ? 'offline' : 'waiting', this.#lastError, waitMs)
  }

  /** The network is another one, or the tab has slept: what there is may be dead; what is waited for need not be. */
  #onNetwork (): void {
    if (this.current !== undefined) this.current.probe()
    else if (this.#slotMs === undefined) void this.#dial()
  }

  #setState (state: State, error?: TidegateError, retryInMs?: number): void {
    const previous = this.state
    // A listener may have closed it in the middle of a change.
    if (previous === 'closed' || (previous === state && retryInMs === undefined)) return
    this.state = state
    this.#listener.onState({ state, previous, error, retryInMs })
  }
}
