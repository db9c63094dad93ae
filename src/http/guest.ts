import type { Server } from 'node:http'
import type { FastifyInstance, HTTPMethods } from 'fastify'
import { serveWithoutUpgrade, type TakeUpgrade } from './upgrades.ts'

/** A gateway's routes on a server that is somebody else's: ADR 10 says why they are another Fastify instance's. */
export interface Guest {
  /** The host's. */
  readonly server: Server
  /** Before each path; empty for none. */
  readonly prefix: string
  /** Which routes there are, besides `/ws`. */
  readonly routes: GuestRoutes
  /** Longer than the gateway's own, where hooks of the host's may take their time. */
  readonly handlerTimeoutMs: number
  /** Filled with the gateway's routes. */
  readonly noted: Routes
  /** An upgrade of a path that is none of ours. */
  readonly elsewhere: TakeUpgrade
}

export interface GuestRoutes {
  readonly http: boolean
  readonly ops: boolean
  readonly pages: boolean
}

/** Listeners of ours, of any gateway: they hear what is nobody's. */
const ours = new WeakSet<object>()

/** Where the host has no other listener for upgrades, it answers as if nobody had asked for one. */
export function answerElsewhere ({ server }: FastifyInstance): Guest['elsewhere'] {
  const answer: Guest['elsewhere'] = (request, socket, head) => {
    const [first, ...others] = server.listeners('upgrade')
    // With several gateways one answers.
    if (first === answer && others.every((other) => ours.has(other))) serveWithoutUpgrade(server, request, socket, head)
  }
  ours.add(answer)
  return answer
}

/** By its address, with which methods. */
export type Routes = Map<string, Set<HTTPMethods>>

/** Notes the routes of an instance that are registered after this. */
export function noteRoutes (app: FastifyInstance, routes: Routes): void {
  app.addHook('onRoute', ({ url, method }) => {
    // What stands for all that is nowhere is not ours to take.
    if (url === '*') return
    const methods = routes.get(url) ?? new Set()
    for (const each of [method].flat()) methods.add(each as HTTPMethods)
    // Of a prefix with a slash behind it Fastify tells the HEAD alone.
    if (methods.has('HEAD')) methods.add('GET')
    routes.set(url, methods)
  })
}

/**
 * Gives each route of the gateway a place among the host's, one by one: whatever else is asked for stays the host's.
 * The host's own `onRequest` hooks run; after them nothing of the host's touches the request.
 */
export function mount (host: FastifyInstance, inner: FastifyInstance, routes: Routes): void {
  for (const [url, methods] of routes) {
    host.route({
      url: url.slice(host.prefix.length),
      // The gateway answers for itself which pages of other origins may ask (CORS).
      method: [...methods.add('OPTIONS')],
      exposeHeadRoute: false,
      // The host's lines would have `?token=` in them; ours are written with the host's logger.
      logLevel: 'silent',
      onRequest: (request, reply) => {
        reply.hijack()
        // Whoever has gone while the host's own hooks decided has no address any more, and no end that would be told.
        if (!request.raw.socket.destroyed) inner.routing(request.raw, reply.raw)
      },
      handler: async () => {}
    })
  }
}
