import helmet from '@fastify/helmet'
import type { FastifyInstance } from 'fastify'

/** Headers that tell a browser what a page of ours may do: nothing but what the chat and the dashboard need. */
export async function registerHeaders (app: FastifyInstance): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        connectSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"]
      }
    },
    frameguard: { action: 'deny' },
    // Whether a whole domain is for TLS alone is for its owner to say, where TLS ends.
    strictTransportSecurity: false
  })
}
