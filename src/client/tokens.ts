import { backoffMs } from './backoff.ts'
import type { Connection } from './connection.ts'
import { errorOf } from './channel.ts'
import { TidegateError } from './errors.ts'
import type { Host, Timer } from './host.ts'
import type { ConnectOptions } from './types.ts'

const LONGEST_LEAD_MS = 60_000
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 10_000

/** The token, and when it is renewed: before it expires, on the connection that lives. */
export class Tokens {
  readonly #options: ConnectOptions
  readonly #host: Host
  readonly #onError: (error: TidegateError) => void
  #token: string | undefined
  // By our own clock, which need not be right.
  #staleMs = Infinity
  #timer: Timer
  #attempts = 0

  constructor (options: ConnectOptions, host: Host, onError: (error: TidegateError) => void) {
    this.#options = options
    this.#host = host
    this.#onError = onError
    this.#token = options.token
  }

  get isRenewable (): boolean {
    return this.#options.getToken !== undefined
  }

  /** For a new connection; rejects with `token_failed`. Undefined where there is none. */
  async get (): Promise<string | undefined> {
    if (this.#token === undefined || this.#host.now() >= this.#staleMs) await this.#fetch()
    return this.#token
  }

  /** The gateway does not take it. */
  spoil (): void {
    if (this.isRenewable) this.#token = undefined
  }

  /** Renews it on this connection in time; asked again with every pong, which tells the gateway's time. */
  watch (connection: Connection): void {
    const leftMs = Date.parse(connection.expires ?? '') - Date.now() - connection.aheadMs
    if (!this.isRenewable || Number.isNaN(leftMs)) return
    const waitMs = leftMs - Math.min(LONGEST_LEAD_MS, leftMs / 4) * (1 + this.#host.random())
    this.#staleMs = this.#host.now() + waitMs
    this.#renewIn(waitMs, connection)
  }

  stop (): void {
    this.#host.clearTimeout(this.#timer)
  }

  #renewIn (waitMs: number, connection: Connection): void {
    // Where it has ended, or all has, there is nothing to renew.
    if (!connection.isOpen) return
    this.stop()
    this.#timer = this.#host.setTimeout(() => { void this.#renew(connection) }, waitMs)
  }

  async #renew (connection: Connection): Promise<void> {
    const failed = (error: TidegateError): void => {
      this.#onError(error)
      this.#renewIn(backoffMs(this.#attempts++, FIRST_RETRY_MS, LONGEST_RETRY_MS, this.#host.random), connection)
    }
    try {
      await this.#fetch()
    } catch (error) {
      return failed(error as TidegateError)
    }
    connection.ask(JSON.stringify({ type: 'auth', token: this.#token }), (reply) => {
      // Where it has ended, the next one has the token from the beginning.
      if (reply?.type === 'error') return failed(errorOf(reply))
      this.#attempts = 0
      connection.expires = reply?.expires
      this.watch(connection)
    })
  }

  async #fetch (): Promise<void> {
    const { getToken } = this.#options
    if (getToken === undefined) return
    try {
      this.#token = await getToken()
      this.#staleMs = Infinity
    } catch (cause) {
      throw new TidegateError('token_failed', `getToken: ${String(cause)}`, { cause })
    }
  }
}
