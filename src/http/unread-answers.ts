import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { SessionCounts } from '../session/counts.ts'
import { StallWatch } from './stall-watch.ts'

/**
 * Ends the connection of whoever asks, and does not read the answer: it would wait in memory for as long as they like.
 * Node knows deadlines for what comes alone.
 */
export function endUnread (app: FastifyInstance, timeoutMs: number, { hungUp }: Pick<SessionCounts, 'hungUp'>): void {
  // Once for each connection, not for each answer: with answers in a row, one may be stuck when another ends.
  const watched = new WeakSet<Socket>()
  app.addHook('onSend', (request, _reply, _payload, done) => {
    const { socket } = request.raw
    if (!watched.has(socket)) {
      watched.add(socket)
      new StallWatch(socket, () => { hungUp.unread++ }).watch(timeoutMs)
    }
    done()
  })
}
