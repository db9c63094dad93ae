import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'

type Timers = Map<IncomingMessage, NodeJS.Timeout>

/**
 * When a request's body must have come. Node knows one time for all requests (`requestTimeout`), and a file takes
 * longer than anything else is allowed to.
 */
export class BodyDeadlines {
  readonly #timers = new WeakMap<Socket, Timers>()
  readonly #end: (socket: Socket) => void

  /** @param end what is done to a socket on which a body is late */
  constructor (server: Server, timeoutMs: number, end: (socket: Socket) => void) {
    this.#end = end
    server.prependListener('request', (request: IncomingMessage) => {
      const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers
      if (length === '0' && coding === undefined) return
      const timers = this.#timersOf(request.socket)
      this.#watch(timers, request, timeoutMs)
      // Which comes once all of it is read, too; but not where its socket ends after the answer.
      request.once('close', () => {
        clearTimeout(timers.get(request))
        timers.delete(request)
      })
    })
  }

  /** Gives one request longer, counted from now. */
  extend (request: IncomingMessage, timeoutMs: number): void {
    const timers = this.#timers.get(request.socket)
    if (timers?.has(request) === true) this.#watch(timers, request, timeoutMs)
  }

  #timersOf (socket: Socket): Timers {
    const known = this.#timers.get(socket)
    if (known !== undefined) return known
    const timers: Timers = new Map()
    this.#timers.set(socket, timers)
    socket.once('close', () => {
      for (const timer of timers.values()) clearTimeout(timer)
    })
    return timers
  }

  #watch (timers: Timers, request: IncomingMessage, timeoutMs: number): void {
    clearTimeout(timers.get(request))
    timers.set(request, setTimeout(() => this.#end(request.socket), timeoutMs))
  }
}
