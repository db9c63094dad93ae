import type { IncomingMessage, Server } from 'node:http'

/**
 * When a request's body must have come. Node knows one time for all requests (`requestTimeout`), and a file takes longer
 * than anything else is allowed to.
 */
export class BodyDeadlines {
  readonly #timers = new WeakMap<IncomingMessage, NodeJS.Timeout>()
  readonly #end: (request: IncomingMessage) => void

  /** @param end what is done to a request that is late */
  constructor (server: Server, timeoutMs: number, end: (request: IncomingMessage) => void) {
    this.#end = end
    server.prependListener('request', (request: IncomingMessage) => {
      const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers
      if (length === '0' && coding === undefined) return
      this.#watch(request, timeoutMs)
      // Which comes once all of it is read, too.
      request.once('close', () => clearTimeout(this.#timers.get(request)))
    })
  }

  /** Gives one request longer, counted from now. */
  extend (request: IncomingMessage, timeoutMs: number): void {
    if (!request.closed && this.#timers.has(request)) this.#watch(request, timeoutMs)
  }

  #watch (request: IncomingMessage, timeoutMs: number): void {
    clearTimeout(this.#timers.get(request))
    this.#timers.set(request, setTimeout(() => this.#end(request), timeoutMs))
  }
}
