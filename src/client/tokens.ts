import { backoffMs } from './backoff.ts'
import type { Connection } from './connection.ts'
import { errorOf } from './channel.ts'
import { TidegateError } from './errors.ts'
import type { Host, Timer } from './host.ts'
import type { ConnectOptions } from './types.ts'

const LONGEST_LEAD_MS = 60_000
const LONGEST_TIMER_MS = 2 ** 31 - 1
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

  /** Renews it on this connection from now on. */
  watch (connection: Connection, expires: string | undefined): void {
    const leftMs = Date.parse(expires ?? '') - Date.now() - connection.aheadMs
    this.stop()
    if (!this.isRenewable || Number.isNaN(leftMs)) return
    const waitMs = Math.max(0, leftMs - Math.min(LONGEST_LEAD_MS, leftMs / 4) * (1 + this.#host.random()))
    this.#staleMs = this.#host.now() + waitMs
    this.#timer = this.#host.setTimeout(() => {
      if (waitMs > LONGEST_TIMER_MS) this.watch(connection, expires)
      else void this.#renew(connection)
    }, Math.min(waitMs, LONGEST_TIMER_MS))
  }

  stop (): void {
    this.#host.clearTimeout(this.#timer)
  }

  async #renew (connection: Connection): Promise<void> {
    try {
      await this.#fetch()
    } catch (error) {
      this.#onError(error as TidegateError)
      return this.#renewLater(connection)
    }
    connection.ask(JSON.stringify({ type: 'auth', token: this.#token }), (reply) => {
      if (reply === undefined) return
      if (reply.type === 'authenticated') {
        this.#attempts = 0
        return this.watch(connection, reply.expires)
      }
      this.#onError(errorOf(reply))
      this.#renewLater(connection)
    })
  }

  #renewLater (connection: Connection): void {
    if (!connection.isOpen) return
    const waitMs = backoffMs(this.#attempts++, FIRST_RETRY_MS, LONGEST_RETRY_MS, this.#host.random)
    this.stop()
    this.#timer = this.#host.setTimeout(() => { void this.#renew(connection) }, waitMs)
  }

  async #fetch (): Promise<void> {
    const { getToken } = this.#options
    if (getToken === undefined) return
    try {
      const token = await getToken()
      if (typeof token !== 'string' || token === '') throw new TypeError('getToken gave no token')
      this.#token = token
      this.#staleMs = Infinity
    } catch (cause) {
      throw new TidegateError('token_failed', `getToken failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    }
  }
}
