import type { Socket } from 'node:net'

/** What Node keeps to itself of a socket of HTTP; a test goes red where it is called otherwise one day. */
interface Parsed { readonly parser?: { onIncoming: () => number } | null }

const STOP = -1

/**
 * Ends a connection, and takes nothing more apart of what it has sent: one read has room for two thousand requests, and
 * Node would make each of them, to a socket that is no more.
 */
export function hangUp (socket: Socket): void {
  const { parser } = socket as Parsed
  if (parser != null) parser.onIncoming = () => STOP
  socket.destroy()
}
