import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { hangUp } from './hang-up.ts'
import { StallWatch } from './stall-watch.ts'

interface UnderWay {
  /** Requests that have no whole answer yet; Infinity where the one before them never ends. */
  count: number
  readonly stall: StallWatch
}

interface Bounds {
  /** For which no byte of an answer may be taken; 0 for any time. */
  readonly stallTimeoutMs: number
  /** On somebody else's server, whose other requests are none of ours. */
  readonly isGuest: boolean
  readonly onHangUp: (cause: 'pipelining' | 'unread', socket: Socket) => void
}

// Whoever pipelines at all (RFC 9112 section 9.3.2) sends a few.
const MAX_UNDER_WAY = 16

const underWay = new WeakMap<Socket, UnderWay>()

/**
 * Bounds how many requests of one connection are under way: the answer to each waits in memory for those before it,
 * and a packet has room for two thousand. And for how long nothing of an answer is read: Node knows deadlines for what
 * comes alone. Whoever goes beyond either is ended.
 */
export function boundRequests (app: FastifyInstance, { stallTimeoutMs, isGuest, onHangUp }: Bounds): void {
  const begin = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    let held = underWay.get(socket)
    if (held === undefined) {
      held = { count: 0, stall: new StallWatch(socket, () => onHangUp('unread', socket)) }
      underWay.set(socket, held)
    }
    if (++held.count > MAX_UNDER_WAY) {
      onHangUp('pipelining', socket)
      hangUp(socket)
      return
    }
    const begun = held
    if (begun.count === 1) begun.stall.watch(stallTimeoutMs)
    response.once('close', () => {
      if (--begun.count === 0) begun.stall.watch(0)
    })
  }
  // Not every request comes to a hook: some have no path that can be read.
  if (!isGuest) app.server.prependListener('request', begin)
  app.addHook('onRequest', (request, reply, done) => {
    if (isGuest) begin(request.raw, reply.raw)
    // Nobody is there any more to be answered.
    if (request.raw.socket.destroyed) reply.hijack()
    done()
  })
}

/**
 * The answer that is under way has no end, and a watch of its own: what comes behind it would never be answered, and
 * ends the connection.
 * @returns false where something has come already, which is to be answered
 */
export function claimSocket (socket: Socket): boolean {
  const held = underWay.get(socket)!
  if (held.count > 1) return false
  held.count = Infinity
  held.stall.watch(0)
  return true
}

/** The answer that is under way is long, and may be read slowly: the kernel takes it in steps of a megabyte. */
export function giveTime (socket: Socket, stallTimeoutMs: number): void {
  underWay.get(socket)?.stall.watch(stallTimeoutMs)
}
