import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { asyncApiDocument } from '../schemas/asyncapi.ts'
import { JsonAnswer } from '../schemas/http.ts'

/** Of the protocol, which `welcome` names as well. */
const VERSION = '1'

const TAGS = [
  { name: 'rooms', description: 'Messages, and who is there' },
  { name: 'position', description: 'The shared car' },
  { name: 'users', description: 'Whoever is connected' },
  { name: 'socket', description: 'What needs a connection' },
  { name: 'operation', description: 'For those who run the gateway' },
  { name: 'documents', description: 'What you are reading' }
]

/**
 * Collects the routes that are registered after this, out of the schemas that hold them.
 * @param isOpen whether no token is asked for
 * @param path before each of theirs
 */
export async function registerOpenApi (app: FastifyInstance, isOpen: boolean, path: string): Promise<void> {
  await app.register(swagger, {
    // 3.1 takes JSON Schema as it is.
    convertConstToEnum: false,
    openapi: {
      openapi: '3.1.1',
      info: {
        title: 'Tidegate, over HTTP',
        version: VERSION,
        description: 'For back ends, which hold no socket. Errors are `{"code","reason","message"}`: `reason` is for ' +
          'programs, and `message` names the field. The socket is in [asyncapi.json](' + path + '/docs/asyncapi.json).',
        license: { name: 'MIT', identifier: 'MIT' }
      },
      tags: TAGS,
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
      security: isOpen ? [] : [{ bearer: [] }]
    }
  })
}

const ASYNC_API = {
  tags: ['documents'], security: [], summary: 'The socket, in AsyncAPI 3', response: { 200: { description: 'success', ...JsonAnswer } }
}

/** `/docs`: OpenAPI to look through and to try, `/docs/json` and `/docs/yaml`; the socket in `/docs/asyncapi.json`. */
export const docsRoutes: FastifyPluginAsync = async (app) => {
  const asyncApi = JSON.stringify(asyncApiDocument(VERSION, app.prefix))
  app.get('/docs/asyncapi.json', { schema: ASYNC_API }, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(asyncApi))
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    // Without it the page at `/docs` would look for its scripts beside the prefix of an app.
    indexPrefix: app.prefix,
    // The policy of http/headers.ts is enough.
    staticCSP: false,
    theme: { title: 'Tidegate: HTTP' },
    // Without a bar on top, which would load any other document.
    uiConfig: { layout: 'BaseLayout', deepLinking: true, docExpansion: 'list', defaultModelsExpandDepth: -1 }
  })
}
