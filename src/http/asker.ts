import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { parse } from 'node:querystring'
import proxyAddr from '@fastify/proxy-addr'

/** As much of a request as decides who may come in: a FastifyRequest is one, too. */
export interface Asker {
  readonly headers: IncomingHttpHeaders
  /** The client's address, past trusted proxies. */
  readonly ip: string
  /** What the client asked for, host and port. */
  readonly host: string
  /** The parameters of the address, by name. */
  readonly query: unknown
}

type TrustedProxies = ReturnType<typeof proxyAddr.compile>

/** Of an upgrade, which is no request of Fastify's; its rules are (`trustProxy`). */
export function askerOf (request: IncomingMessage, isTrusted: TrustedProxies): Asker {
  const { headers, socket, url = '' } = request
  const end = url.indexOf('?')
  return {
    headers,
    ip: proxyAddr(request, isTrusted),
    host: hostOf(headers, isTrusted(socket.remoteAddress ?? '', 0)),
    query: end < 0 ? {} : parse(url.slice(end + 1), '&', '=', { maxKeys: 0 })
  }
}

function hostOf ({ host = '', 'x-forwarded-host': forwarded }: IncomingHttpHeaders, isProxied: boolean): string {
  return isProxied && forwarded !== undefined ? String(forwarded).split(',').at(-1)!.trim() : host
}
