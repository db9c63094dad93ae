import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import websocket from '@fastify/websocket'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import { decode } from '../protocol/codec.ts'
import { CLOSES, ERRORS, type Refusal, refusal } from '../protocol/codes.ts'
import type { Services } from '../session/services.ts'
import { type Identity, Session } from '../session/session.ts'
import type { Sessions } from '../session/sessions.ts'
import { type Caller, identify, isCaller, isTokenInQuery } from './access.ts'
import { type Admission, refuseUser } from './admission.ts'
import { sendRefusal } from './errors.ts'
import { UNLIMITED } from './rate-limit.ts'
import { SocketTransport } from './socket-transport.ts'

export interface WebSocketOptions {
  readonly services: Services
  readonly admission: Admission
  readonly sessions: Sessions
}

// ws's `closeTimeout` is younger than its types.
export const WS_OPTIONS = {
  // One flooding client held the loop up for 91 ms (p99) with true, for 1.1 ms with false.
  allowSynchronousEvents: false,
  perMessageDeflate: false,
  clientTracking: false,
  // The default of 30 s lets close() hang that long on one silent client.
  closeTimeout: 2_000,
  maxFragments: 64,
  maxBufferedChunks: 4_096
}

/** `GET /ws`: the upgrade, and the bytes in and out. What they mean is the session's business. */
export async function registerWebSocket (app: FastifyInstance, options: WebSocketOptions): Promise<void> {
  const { services, sessions } = options
  await app.register(websocket, {
    options: { ...WS_OPTIONS, maxPayload: services.limits.maxMessageBytes },
    // gateway.ts ends the sessions, with goodbyes and codes; here only the door is shut.
    preClose: (done) => {
      app.server.removeAllListeners('upgrade')
      done()
    }
  })

  // The plugin answers an upgrade of any route with 101, and closes it then.
  app.addHook('onRequest', async (request, reply) => {
    if (request.ws && request.routeOptions.url !== '/ws' && !request.is404) {
      return sendRefusal(reply, refusal('bad_message', 'upgrade: only /ws takes WebSockets'))
    }
  })

  const onError = (error: Error): void => services.logger.debug({ err: error }, 'socket')
  // Whom an upgrade was let in as, or why it is not, between the hook and the handler.
  const arrivals = new WeakMap<FastifyRequest, Arrival>()
  app.route({
    method: 'GET',
    url: '/ws',
    ...UNLIMITED,
    // No page is ever shown from here, and an upgrade sends none of these headers.
    helmet: false,
    onRequest: async (request, reply) => {
      if (!request.ws) return sendRefusal(reply, refusal('bad_message', 'upgrade: /ws takes WebSockets only'))
      const arrival = await arrive(request, reply, options)
      if ('reason' in arrival) {
        services.counts.upgradesRefused[arrival.reason]++
        return sendRefusal(reply, arrival)
      }
      arrivals.set(request, arrival)
    },
    handler: (_request, reply) => sendRefusal(reply, refusal('bad_message', 'upgrade: /ws takes WebSockets only')),
    wsHandler: (ws, request) => {
      const { caller, problem, response } = arrivals.get(request)!
      // Or it would hold on to the request, and to all that Fastify made for both, for as long as the socket lives.
      response.detachSocket(request.raw.socket)
      // ws ends the connection itself, with the right code; the plugin's listener would keep the request alive.
      ws.removeAllListeners('error')
      ws.on('error', onError)
      if (caller === undefined) {
        ws.close(CLOSES.unauthenticated.code, problem)
        services.counts.closed(CLOSES.unauthenticated.code)
      } else connect(ws, request, caller, services, sessions)
    }
  })
}

/** An upgrade that is let in. Without a caller it is closed at once: its token was refused. */
interface Arrival {
  readonly caller: Caller | undefined
  /** Why there is none. */
  readonly problem?: string
  readonly response: ServerResponse
}

/** Who is let in is decided before the upgrade, so that a refusal costs neither side a connection. */
async function arrive (
  request: FastifyRequest, { raw: response }: FastifyReply, { admission, services: { auth, logger } }: WebSocketOptions
): Promise<Arrival | Refusal> {
  const refused = auth === undefined ? refuseUser(queryOf(request).user) : undefined
  if (refused !== undefined) return refused
  const leave = admission.admit(request)
  if (typeof leave !== 'function') return leave
  // Whatever becomes of the upgrade, its socket ends.
  request.raw.socket.on('close', leave)
  const caller = await identify(request, auth, true)
  if (isCaller(caller)) return { caller, response }
  logger.debug({ address: request.ip, problem: caller.message }, 'refused')
  // Browsers hide the status of an upgrade that fails, but tell the code of a close.
  if (isTokenInQuery(request) && ERRORS[caller.reason].code === 401) {
    return { caller: undefined, problem: caller.message, response }
  }
  leave()
  return caller
}

/** Listeners are attached in the same turn as the upgrade, or the first frames are lost. */
function connect (
  ws: WebSocket, request: FastifyRequest, caller: Caller, services: Services, sessions: Sessions
): void {
  const { socket } = request.raw
  const query = queryOf(request)
  const transport = new SocketTransport(ws, socket)
  const session = new Session(services, transport, identityOf(caller, query.user))
  socket.setNoDelay(true)
  socket.on('timeout', destroy)
  transport.start(session.queue)
  listen(ws, { session, sessions })
  const { connection, user } = session.identity
  services.logger.debug({ connection, user, address: request.ip }, 'connected')
  session.open()
  sessions.add(session)
  joinAll(session, query)
}

interface Listening { readonly session: Session, readonly sessions: Sessions }

// One function for all connections, and not a closure for each: there are many, and most are idle.
const LISTENING = Symbol('listening')
type Heard = WebSocket & { [LISTENING]: Listening }

function listen (ws: WebSocket, listening: Listening): void {
  Object.assign(ws, { [LISTENING]: listening })
  ws.on('message', onMessage as (this: WebSocket, data: Buffer, isBinary: boolean) => void)
  ws.on('ping', onHeard as (this: WebSocket) => void)
  ws.on('pong', onHeard as (this: WebSocket) => void)
  ws.on('close', onClose as (this: WebSocket, code: number) => void)
}

function onMessage (this: Heard, data: Buffer, isBinary: boolean): void {
  this[LISTENING].session.onFrame(data, isBinary)
}

function onHeard (this: Heard): void {
  this[LISTENING].session.heard()
}

function onClose (this: Heard, code: number): void {
  const { session, sessions } = this[LISTENING]
  const { connection, user } = session.identity
  sessions.delete(session)
  session.onClosed()
  session.services.counts.closed(code)
  session.services.logger.debug({ connection, user, code }, 'disconnected')
}

function destroy (this: Socket): void {
  this.destroy()
}

interface Query {
  readonly user: string | undefined
  readonly rooms: readonly string[]
  readonly history: string | undefined
}

/** `?user=`, `?join=` (may repeat) and `?history=`, as a browser's FormData would encode them. */
function queryOf (request: FastifyRequest): Query {
  const query = request.query as Readonly<Record<string, string | string[] | undefined>>
  const first = (name: string): string | undefined => [query[name]].flat()[0]
  return {
    user: first('user'),
    rooms: [query['join']].flat().filter((room) => room !== undefined),
    history: first('history')
  }
}

/** Rooms to join at once pass the same decoder as requests do; they are not rated, only counted. */
function joinAll (session: Session, { rooms, history }: Query): void {
  const count = history !== undefined && /^[0-9]{1,15}$/.test(history) ? Number(history) : history
  for (const room of new Set(rooms)) session.handle(decode(JSON.stringify({ type: 'join', room, history: count })))
}

function identityOf ({ user: verified, access }: Caller, named: string | undefined): Identity {
  const connection = `c_${randomBytes(6).toString('base64url')}`
  const user = verified ?? named
  return user === undefined
    ? { connection, user: `guest-${randomName()}`, keyScope: 'guest', access }
    : { connection, user, keyScope: `user:${user}`, access }
}

function randomName (): string {
  return randomBytes(4).readUInt32BE().toString(36).padStart(6, '0').slice(-6)
}
