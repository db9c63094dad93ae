import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

export type TakeUpgrade = (request: IncomingMessage, socket: Socket, head: Buffer) => void

/** Whose upgrades are taken, by the path of their address. */
const taken = new WeakMap<Server, Map<string, TakeUpgrade>>()

/** The path that a request asks for. A whole URL is a path like any other (RFC 9112 section 3.2.2). */
export function pathOf ({ url = '' }: IncomingMessage): string {
  return /^(?:https?:\/\/[^/?]*)?([^?]*)/i.exec(url)![1]!
}

/**
 * Takes the upgrades of one path, and hides them from whoever else listens on this server: many libraries end each
 * upgrade that is none of theirs. What is not of this path comes to all of them as ever.
 * @throws where the path is taken already
 * @returns what gives it back
 */
export function takeUpgrades (server: Server, path: string, take: TakeUpgrade): () => void {
  const paths = taken.get(server) ?? patch(server)
  if (paths.has(path)) throw new Error(`the upgrades of ${path} are taken already on this server`)
  paths.set(path, take)
  return () => { paths.delete(path) }
}

/** Nothing but `emit` sees an event before its listeners do, those among them that come later. */
function patch (server: Server): Map<string, TakeUpgrade> {
  const paths = new Map<string, TakeUpgrade>()
  const emit = server.emit.bind(server) as (event: string | symbol, ...args: unknown[]) => boolean
  server.emit = ((event: string | symbol, ...args: unknown[]): boolean => {
    const [request, socket, head] = args as Parameters<TakeUpgrade>
    const take = event === 'upgrade' ? paths.get(pathOf(request)) : undefined
    if (take === undefined) return emit(event, ...args)
    take(request, socket, head)
    return true
  }) as Server['emit']
  taken.set(server, paths)
  return paths
}

/** The client has gone, and its address with it; or an answer to what it asked before would come between the frames. */
export function cannotUpgrade (socket: Socket & { readonly _httpMessage?: object | null }): boolean {
  return socket.remoteAddress === undefined || (socket._httpMessage ?? null) !== null
}

/**
 * An upgrade that nobody takes is a request like any other (RFC 9110 section 7.8): Java's and curl's clients offer h2c
 * with whatever they send, a body among it. Node has taken the socket out of HTTP by then, body and all: it is given
 * back, with the same head but for the offer.
 */
export function serveWithoutUpgrade (server: Server, request: IncomingMessage, socket: Socket, head: Buffer): void {
  if (cannotUpgrade(socket)) {
    socket.destroy()
    return
  }
  const { method, url, httpVersion, rawHeaders } = request
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]!.toLowerCase() !== 'upgrade') lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`)
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket)
}
