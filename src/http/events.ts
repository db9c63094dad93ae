import type { OutgoingHttpHeaders } from 'node:http'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { decode, type Decoded } from '../protocol/codec.ts'
import { type Refusal, refusal } from '../protocol/codes.ts'
import { ALL } from '../protocol/rooms.ts'
import { errorAnswers, EventsQuery, TextAnswer } from '../schemas/http.ts'
import { refuseJoins } from '../session/asked-hooks.ts'
import { refuseJoin } from '../session/permissions.ts'
import { type Identity, Session } from '../session/session.ts'
import { identify, isCaller } from './access.ts'
import { refuseUser } from './admission.ts'
import { sendRefusal } from './errors.ts'
import { EventId, MAX_STREAM_ROOMS, parseEventId, type Places, STOP } from './event-id.ts'
import { EventStreamTransport } from './event-stream-transport.ts'
import { claimSocket } from './under-way.ts'
import { UNLIMITED } from './rate-limit.ts'
import type { UpgradeOptions } from './upgrade.ts'
import { identityOf } from './websocket.ts'

type EventsOptions = Omit<UpgradeOptions, 'trustProxy'>

const HEADERS = {
  'content-type': 'text/event-stream',
  // Neither kept nor compressed on the way: both would hold events back.
  'cache-control': 'no-store, no-transform',
  // What nginx calls its buffering, where it is not ours that is in front.
  'x-accel-buffering': 'no',
  // Who comes back after the end is to look for a replica anew.
  connection: 'close'
} as const

// Of the close of a socket: the client hung up, or the connection broke.
const NO_STATUS = 1005
const ABNORMAL = 1006

const SHARED = refusal('bad_message', 'a stream has no end: no other request of its connection may wait for it')

/** For the documents: what is wrong with a field is said by read(), as a socket's joins would. */
const STREAM = {
  tags: ['socket'],
  summary: 'Rooms, as server-sent events',
  description: 'The token may stand in the address instead (`?token=`). `Last-Event-ID` resumes, as a header or as ' +
    '`lastEventId`. What comes is what the socket gets, in the AsyncAPI document.',
  querystring: EventsQuery,
  response: {
    200: { description: 'the stream', content: { 'text/event-stream': { schema: TextAnswer } } },
    204: { description: 'do not come back: an operator has disconnected this user', type: 'null' },
    ...errorAnswers(
      'bad_message', 'bad_room', 'bad_cursor', 'unauthenticated', 'token_expired', 'forbidden', 'too_many_rooms', 'rate_limited',
      'unavailable'
    )
  }
}

/** What a stream is asked for. */
interface Asked {
  readonly user: string | undefined
  readonly places: Places
  /** But `$all`, which every connection is in. */
  readonly rooms: readonly string[]
  /** One for each of them, and for `$all` where it is resumed. */
  readonly joins: readonly Decoded[]
}

/**
 * `GET /events`: what a socket would get of these rooms, as server-sent events. Who is let in is decided as for
 * sockets; a refusal is an answer in JSON, after which a browser does not try again by itself.
 */
export const eventRoutes: FastifyPluginAsync<EventsOptions> = async (app, options) => {
  const documented = { schema: STREAM, validatorCompiler: () => (value: unknown) => ({ value }) }
  app.get('/events', { ...documented, ...UNLIMITED }, async (request, reply) => {
    const lastId = lastIdOf(request)
    if (lastId === STOP) return reply.code(204).send()
    const asked = read(request, lastId)
    const identity = 'reason' in asked ? asked : await arrive(request, reply, asked, options)
    // The check of a token, and hooks, may have taken longer than an answer may.
    if (reply.sent) return reply
    // Or the client has gone meanwhile: of a stream to nobody no end would ever be told.
    if (request.raw.socket.destroyed) return reply.hijack()
    const refused = 'reason' in identity ? identity : claimSocket(request.raw.socket) ? undefined : SHARED
    if (refused !== undefined) {
      options.services.counts.upgradesRefused[refused.reason]++
      return sendRefusal(reply, refused)
    }
    if (request.method === 'HEAD') return reply.headers(HEADERS).send()
    begin(request, reply, { ...asked as Asked, identity: identity as Identity }, options)
    return reply
  })
}

/** The header is what a browser sends by itself when it comes back, and newer than what its address still says. */
function lastIdOf ({ headers, query }: FastifyRequest): unknown {
  return headers['last-event-id'] ?? (query as Readonly<Record<string, unknown>>)['lastEventId'] ?? ''
}

type Field = string | string[] | undefined

function read ({ headers, query }: FastifyRequest, lastId: unknown): Asked | Refusal {
  const { room, history, user } = query as Readonly<Record<string, Field>>
  if (room === undefined) return refusal('bad_message', 'room: missing')
  const rooms = [...new Set([room].flat())].filter((name) => name !== ALL)
  if (rooms.length > MAX_STREAM_ROOMS) {
    return refusal('too_many_rooms', `room: one stream follows ${MAX_STREAM_ROOMS} rooms at most`)
  }
  if (Array.isArray(history)) return refusal('bad_message', 'history: must be there once')
  if (Array.isArray(user)) return refusal('bad_message', 'user: must be there once')
  const places = typeof lastId !== 'string' ? undefined : lastId === '' ? new Map<string, string>() : parseEventId(lastId)
  if (places === undefined) {
    const field = headers['last-event-id'] === undefined ? 'lastEventId' : 'Last-Event-ID'
    return refusal('bad_cursor', `${field}: not the id of an event of this gateway`)
  }
  const count = history !== undefined && /^[0-9]{1,15}$/.test(history) ? Number(history) : history
  const wanted = places.has(ALL) ? [ALL, ...rooms] : rooms
  const joins = wanted.map((name) =>
    decode(JSON.stringify({ type: 'join', room: name, since: places.get(name), history: count })))
  const bad = joins.find((join) => !join.ok)
  if (bad !== undefined && !bad.ok) return bad.refusal
  return { user, rooms, joins, places: new Map([...places].filter(([name]) => wanted.includes(name))) }
}

/** As for an upgrade (http/upgrade.ts). Whatever becomes of it, its place is free when the answer has ended. */
async function arrive (
  request: FastifyRequest, reply: FastifyReply, { user, rooms }: Asked, { admission, services }: EventsOptions
): Promise<Identity | Refusal> {
  const { auth, limits: { maxRoomsPerConnection } } = services
  const refused = auth === undefined ? refuseUser(user) : undefined
  if (refused !== undefined) return refused
  if (rooms.length > maxRoomsPerConnection) return refusal('too_many_rooms')
  // Its events would wait for the other answer to end, and nothing would bound what waits with them.
  if (reply.raw.socket === null) return refusal('bad_message', 'this connection has not had its last answer yet')
  const leave = admission.admit(request, rooms.length)
  if (typeof leave !== 'function') return leave
  reply.raw.once('close', leave)
  const caller = await identify(request, auth, true)
  if (!isCaller(caller)) return caller
  const forbidden = rooms.find((room) => refuseJoin(caller.access.grants, room) !== undefined)
  if (forbidden !== undefined) return refusal('forbidden', `room: the token does not allow to join ${forbidden}`)
  // Before the stream begins, like all that is wrong: at its end a browser would come back, and be refused again.
  const identity = { ...identityOf(caller, user), isAuthorized: true }
  const refusedByRule = await refuseJoins(services.hooks, identity.user, rooms)
  if (refusedByRule !== undefined) return refusedByRule
  // The keys of tokens may have taken seconds to come, or hooks: who is let in now would hold up the end.
  return admission.refuseAll() ?? identity
}

function begin (
  { raw: { socket }, ip }: FastifyRequest, reply: FastifyReply,
  { places, joins, identity }: Asked & { readonly identity: Identity }, { services, sessions }: EventsOptions
): void {
  const { counts, logger } = services
  const { raw } = reply
  const transport = new EventStreamTransport(raw, socket, new EventId(places))
  const session = new Session(services, transport, identity)
  const { connection } = identity
  // A close follows.
  raw.on('error', (error) => logger.debug({ connection, err: error }, 'event stream'))
  raw.once('close', () => {
    const code = transport.closeCode ?? (socket.readableEnded ? NO_STATUS : ABNORMAL)
    sessions.delete(session)
    session.onClosed()
    counts.streams--
    counts.closed(code)
    logger.debug({ connection, user: session.user, code }, 'disconnected')
  })
  reply.headers(HEADERS).hijack()
  raw.writeHead(200, reply.getHeaders() as OutgoingHttpHeaders)
  transport.start(session)
  logger.debug({ connection, user: session.user, address: ip, isStream: true }, 'connected')
  counts.streams++
  session.open(places.has(ALL))
  session.queue.flush()
  sessions.add(session)
  for (const join of joins) session.handle(join)
}
