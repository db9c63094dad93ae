import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import cors from '@fastify/cors'
import proxyAddr from '@fastify/proxy-addr'
import Fastify, {
  type FastifyBaseLogger, type FastifyInstance, type FastifyPluginAsync, type FastifyReply, type FastifyRequest,
  LogController
} from 'fastify'
import type { Metrics } from '../metrics/metrics.ts'
import { refusal } from '../protocol/codes.ts'
import type { Quota } from '../quota/quota.ts'
import type { Replicas } from '../replicas/replicas.ts'
import type { HangUp } from '../session/counts.ts'
import type { Orders } from '../session/orders.ts'
import { networkOf } from './admission.ts'
import { registerBodies } from './body.ts'
import { BodyDeadlines } from './body-deadlines.ts'
import { broadcastRoutes } from './broadcast.ts'
import { docsRoutes, registerOpenApi } from './docs.ts'
import { endRefused, registerErrors, sendRefusal } from './errors.ts'
import { eventRoutes } from './events.ts'
import { type FileServices, fileRoutes, TRANSFER_MS } from './files.ts'
import { registerHeaders } from './headers.ts'
import { type GuestRoutes, noteRoutes } from './guest.ts'
import { messageRoutes } from './messages.ts'
import { opsRoutes } from './ops.ts'
import { isOriginAllowed } from './origins.ts'
import { pageRoutes } from './pages.ts'
import { positionRoutes } from './position.ts'
import { registerRateLimit, type Spend, spareRates, spendOf, spendOnUnlimited } from './rate-limit.ts'
import { replicaRoutes } from './replicas.ts'
import { roomRoutes } from './rooms.ts'
import { limitSockets } from './sockets.ts'
import { boundRequests } from './under-way.ts'
import { registerUpgrade, type UpgradeOptions } from './upgrade.ts'
import { userRoutes } from './users.ts'
import { registerValidation } from './validation.ts'

interface ServerOptions extends UpgradeOptions {
  readonly logger: FastifyBaseLogger
  readonly allowedOrigins: readonly string[]
  readonly requestsPerSecond: number
  readonly maxConnectionsPerAddress: number
  readonly quota: Quota
  readonly orders: Orders
  readonly replicas: Replicas
  readonly whyNotReady: () => string | undefined
  readonly metrics: Metrics
  /** Undefined where no files are shared. */
  readonly files: FileServices | undefined
}

// A user's name has up to 128 characters, and a slash in it is three here: %2F.
const MAX_PARAM_CHARS = 3 * 128
export const HANDLER_TIMEOUT_MS = 5_000
const HEADERS_TIMEOUT_MS = 8_000
const BODY_TIMEOUT_MS = 10_000
// To send a packet full of requests.
const FLOOD_COSTS = 100

/** What the log says of who is hung up on, where somebody can do something about it. */
const PROBLEMS: Readonly<Partial<Record<HangUp, string>>> = {
  files: 'no more files may be open (ulimit -n)',
  sockets: 'one address has too many sockets; if it is a proxy, name it in TRUST_PROXY',
  rate: 'one address asks far too often over HTTP, and goes on; if it is a proxy, name it in TRUST_PROXY'
}

/** The HTTP shell: after the upgrade nothing in here knows of a connection any more. */
export async function createServer (options: ServerOptions): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: options.logger.child({}, { serializers: { req: describeRequest } }),
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: [...options.trustProxy],
    // nginx's, so that both logs name a request alike; nobody else's.
    genReqId: (request) => requestIdOf(request.headers['x-request-id']),
    bodyLimit: options.services.limits.maxMessageBytes || Number.MAX_SAFE_INTEGER,
    handlerTimeout: options.guest?.handlerTimeoutMs ?? HANDLER_TIMEOUT_MS,
    // All but files have less: body-deadlines.ts.
    requestTimeout: TRANSFER_MS,
    routerOptions: { maxParamLength: MAX_PARAM_CHARS },
    // A path that is not even a path is the client's mistake like any other. Fastify would repeat it, token and all.
    frameworkErrors: (_error, request, reply) => {
      // No hook is called.
      if (spend(request.raw.socket)) reply.hijack()
      else void sendRefusal(reply as unknown as FastifyReply, refusal('bad_message', 'path: not valid'))
    },
    clientErrorHandler: refuseBytes,
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: 2_000,
      // Node would answer by itself, as often as it is asked.
      requireHostHeader: false
    }
  })
  const { guest, services: { counts, limits } } = options
  if (guest !== undefined) noteRoutes(app, guest.noted)
  // On somebody else's server it is for them to say.
  const { deadlines, spend = neverSpent, blame = () => {} } = guest === undefined ? guard(app.server, options) : {}
  boundRequests(app, {
    stallTimeoutMs: limits.stallTimeoutMs,
    isGuest: guest !== undefined,
    onHangUp: (cause, socket) => {
      counts.hungUp[cause]++
      if (cause === 'pipelining') blame(socket)
    }
  })
  registerErrors(app, options.services.warnings)
  registerBodies(app)
  registerValidation(app)
  app.addHook('onResponse', async (request, reply) => {
    request.log.debug({ req: request, status: reply.statusCode, tookMs: reply.elapsedTime }, 'request')
  })
  spendOnUnlimited(app, spend)
  app.addHook('onRequest', (request, reply, done) => {
    // RFC 9112 section 3.2.
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1') {
      void sendRefusal(reply, refusal('bad_message', 'Host: missing'))
    } else done()
  })
  await app.register(cors, {
    delegator: (request: FastifyRequest, callback) => callback(null, {
      origin: request.headers.origin !== undefined &&
        isOriginAllowed(request.headers.origin, request.host, options.allowedOrigins),
      methods: ['GET', 'HEAD', 'POST', 'DELETE'],
      allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'last-event-id'],
      exposedHeaders: ['retry-after'],
      maxAge: 600
    })
  })
  await registerHeaders(app)
  app.decorateRequest('caller', undefined)
  await registerRateLimit(app, { quota: options.quota, perSecond: options.requestsPerSecond, spend, counts })
  const path = guest?.prefix ?? ''
  await registerOpenApi(app, options.services.auth === undefined, path)
  registerUpgrade(app, options)
  await app.register(routes, { ...options, deadlines, prefix: path })
  return app
}

interface Guards {
  readonly deadlines: BodyDeadlines
  readonly spend: Spend
  /** Much is forfeit of what their address has to spare. */
  readonly blame: (socket: Socket) => void
}

/** What bounds those who ask too slowly, or too often. */
function guard (server: Server, options: ServerOptions): Guards {
  const { maxConnectionsPerAddress: maxPerAddress, requestsPerSecond, services: { counts, warnings, logger } } = options
  const spare = spareRates(requestsPerSecond !== Infinity, () => performance.now())
  const isProxy = proxyAddr.compile([...options.trustProxy])
  const onHangUp = (cause: HangUp, address?: string): void => {
    counts.hungUp[cause]++
    logger.debug({ cause, address }, 'hung up')
    warnings.warn('connections are ended', PROBLEMS[cause]!)
  }
  // Node would refuse it by itself, as often as it is asked; who expects something else may be answered all the same.
  server.on('checkExpectation', (request, response) => { server.emit('request', request, response) })
  limitSockets(server, { maxPerAddress, isProxy, spare, onHangUp })
  return {
    deadlines: new BodyDeadlines(server, BODY_TIMEOUT_MS, endLate),
    spend: spendOf(spare, isProxy, (address) => onHangUp('rate', address)),
    blame: ({ remoteAddress }) => {
      if (remoteAddress !== undefined) spare.forfeit(networkOf(remoteAddress), FLOOD_COSTS)
    }
  }
}

/** Where the sockets are not ours to end. */
const neverSpent: Spend = () => false

const ALL_ROUTES: GuestRoutes = { http: true, ops: true, pages: true }

interface RoutesOptions extends ServerOptions {
  readonly deadlines: BodyDeadlines | undefined
}

const routes: FastifyPluginAsync<RoutesOptions> = async (app, options) => {
  // The prefix is this scope's already: handed on it would stand there twice.
  const { prefix: _, ...handedOn } = options as RoutesOptions & { readonly prefix?: string }
  const { guest, services, orders, whyNotReady, metrics, files, quota, allowedOrigins, deadlines } = options
  const { auth, presence, rules, hooks } = services
  const wanted = guest?.routes ?? ALL_ROUTES
  if (wanted.ops) await app.register(opsRoutes, { whyNotReady, metrics })
  if (wanted.http) {
    await app.register(eventRoutes, handedOn)
    await app.register(positionRoutes, { auth, services })
    await app.register(roomRoutes, { auth, presence, rules, hooks })
    await app.register(messageRoutes, { auth, services })
    await app.register(broadcastRoutes, { auth, services })
    await app.register(userRoutes, { auth, orders, hooks })
    await app.register(replicaRoutes, { auth, replicas: options.replicas })
    if (files !== undefined) await app.register(fileRoutes, { auth, services, files, quota, allowedOrigins, deadlines })
  }
  if (wanted.pages) {
    await app.register(docsRoutes)
    const maxFileBytes = wanted.http && files !== undefined ? files.maxBytes : 0
    await app.register(pageRoutes, { path: app.prefix, maxFileBytes })
  }
}

function requestIdOf (given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[0-9a-f]{32}$/.test(given) ? given : randomUUID().replaceAll('-', '')
}

/** A request in the log, without its query: `?token=` would be in it. */
function describeRequest (request: FastifyRequest): object {
  return { method: request.method, path: request.url?.split('?', 1)[0], address: request.ip }
}

/** Bytes that are no HTTP, or too many of them: there is no request to answer, only a socket. */
function refuseBytes (error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return endLate(socket)
  const refused = refusal('bad_message', 'the request is not HTTP, or its head is too large')
  endRefused(socket, refused, error.code === 'HPE_HEADER_OVERFLOW' ? 431 : undefined)
}

function endLate (socket: Socket): void {
  endRefused(socket, refusal('bad_message', 'the request took too long to come'), 408)
}
