import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { SessionCounts } from '../session/counts.ts'

// Whoever pipelines at all (RFC 9112 section 9.3.2) sends a few.
const MAX_UNDER_WAY = 16

/** Requests of a connection that have no whole answer yet; Infinity where the one before them never ends. */
const underWay = new WeakMap<Socket, number>()

/**
 * Bounds how many requests of one connection are under way: the answer to each waits in memory for those before it,
 * and a packet has room for two thousand. Whoever sends more is ended.
 */
export function limitPipelining (app: FastifyInstance, { hungUp }: Pick<SessionCounts, 'hungUp'>): void {
  app.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw
    const count = (underWay.get(socket) ?? 0) + 1
    if (count > MAX_UNDER_WAY) {
      if (!socket.destroyed) hungUp.pipelining++
      // Nobody is there any more to be answered.
      socket.destroy()
      reply.hijack()
    } else {
      underWay.set(socket, count)
      reply.raw.once('close', () => { underWay.set(socket, underWay.get(socket)! - 1) })
    }
    done()
  })
}

/**
 * The answer that is under way has no end: what comes behind it would never be answered, and ends the connection.
 * @returns false where something has come already, which is to be answered
 */
export function claimSocket (socket: Socket): boolean {
  if (underWay.get(socket)! > 1) return false
  underWay.set(socket, Infinity)
  return true
}
