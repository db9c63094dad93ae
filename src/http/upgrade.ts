import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import proxyAddr from '@fastify/proxy-addr'
import type { FastifyInstance } from 'fastify'
import { type WebSocket, WebSocketServer } from 'ws'
import { CLOSES, ERRORS, type Refusal, refusal } from '../protocol/codes.ts'
import { errorAnswers } from '../schemas/http.ts'
import type { Services } from '../session/services.ts'
import type { Session } from '../session/session.ts'
import type { Sessions } from '../session/sessions.ts'
import { type Caller, identify, isAskedByBrowser, isCaller } from './access.ts'
import { type Admission, refuseUser } from './admission.ts'
import { type Asker, askerOf } from './asker.ts'
import { ClosingSocket } from './closing-socket.ts'
import { endRefused, sendRefusal } from './errors.ts'
import type { Guest } from './guest.ts'
import { UNLIMITED } from './rate-limit.ts'
import { cannotUpgrade, pathOf, serveWithoutUpgrade, takeUpgrades } from './upgrades.ts'
import { connect, queryOf } from './websocket.ts'

export interface UpgradeOptions {
  readonly services: Services
  readonly admission: Admission
  readonly sessions: Sessions<Session>
  /** Networks whose X-Forwarded-For is believed. */
  readonly trustProxy: readonly string[]
  /** Undefined where the server is its own. */
  readonly guest?: Guest | undefined
}

const PATH = '/ws'

const SOCKET = {
  tags: ['socket'],
  summary: 'The upgrade to a WebSocket',
  description: 'The token may stand in the address instead (`?token=`). What goes over it is in the AsyncAPI document.',
  response: {
    101: { description: 'the socket', type: 'null' },
    ...errorAnswers('bad_message', 'unauthenticated', 'token_expired', 'forbidden', 'rate_limited', 'unavailable')
  }
}

/** Which the answer to any other version must name (RFC 6455 section 4.4). */
const VERSION = { 'sec-websocket-version': '13' }

/** What every connection runs with; `closeTimeout` is younger than ws's types. */
export const WS_OPTIONS = {
  // One flooding client held the loop up for 91 ms (p99) with true, for 1.1 ms with false.
  allowSynchronousEvents: false,
  clientTracking: false,
  // The default of 30 s lets close() hang that long on one silent client.
  closeTimeout: 2_000,
  maxFragments: 64,
  maxBufferedChunks: 4_096
}

/**
 * Off by default: memory, and CPU. Without context takeover frames can be shared, and nothing is kept to write; whoever
 * sends compressed messages costs an inflater (some 21 KB), which ws keeps.
 */
const DEFLATE = { serverNoContextTakeover: true, clientNoContextTakeover: true }
const SMALLER_WINDOW = /server_max_window_bits\s*=(?!\s*"?15\b)/i

/**
 * `GET /ws` (RFC 6455 section 4.2). An upgrade goes past Fastify, which would make a request, a reply and a walk
 * through all hooks for a handler that needs none of them (ADR 8).
 */
export function registerUpgrade (app: FastifyInstance, options: UpgradeOptions): void {
  const { services, trustProxy, guest } = options
  const path = `${guest?.prefix ?? ''}${PATH}`
  const server = new WebSocketServer({
    ...WS_OPTIONS,
    WebSocket: ClosingSocket,
    noServer: true,
    maxPayload: services.limits.maxMessageBytes,
    perMessageDeflate: services.deflater !== undefined && DEFLATE
  })
  // Without a listener ws answers by itself, and not as JSON.
  const refuseHandshake = (socket: Duplex, problem: string): void => {
    services.counts.upgradesRefused.bad_message++
    endRefused(socket, refusal('bad_message', `upgrade: ${problem}`), 400, VERSION)
  }
  server.on('wsClientError', ({ message }, socket) => refuseHandshake(socket, message))
  const isTrusted = proxyAddr.compile([...trustProxy])
  const onUpgrade = (request: IncomingMessage, socket: Socket, head: Buffer): void => {
    // Node takes its own listener away.
    socket.on('error', destroy)
    if (cannotUpgrade(socket)) {
      socket.destroy()
      return
    }
    const problem = problemOf(request)
    if (problem !== undefined) refuseHandshake(socket, problem)
    else {
      const letIn = (arrival: Arrival): void => open(server, request, head, arrival, options)
      void admit(askerOf(request, isTrusted), socket, options, letIn)
    }
  }
  const http = guest?.server ?? app.server
  const elsewhere = guest?.elsewhere ?? refuseElsewhere(app)
  const giveBack = takeUpgrades(http, path, onUpgrade)
  // Without any listener Node would not tell of an upgrade.
  http.on('upgrade', elsewhere)
  // replica.ts ends the sessions, with goodbyes and codes; here only the door is shut.
  app.addHook('preClose', (done) => {
    http.off('upgrade', elsewhere)
    giveBack()
    done()
  })
  const notAnUpgrade = refusal('bad_message', `upgrade: ${path} takes WebSockets only`)
  app.get(path, { schema: SOCKET, ...UNLIMITED }, async (_request, reply) => sendRefusal(reply, notAnUpgrade))
}

/** What RFC 6455 section 4.2.1 asks for and neither Node nor ws looks at; undefined for nothing. */
function problemOf ({ httpVersion, headersDistinct }: IncomingMessage): string | undefined {
  const { host, 'sec-websocket-version': version } = headersDistinct
  if (httpVersion !== '1.1') return 'must be HTTP/1.1'
  if (host?.length !== 1) return 'Host: must be there once'
  // ws compares numbers, and speaks a draft, too.
  return version?.[0] === '13' ? undefined : 'Sec-WebSocket-Version: must be 13'
}

/** On a server of one's own nobody else takes an upgrade. */
function refuseElsewhere (app: FastifyInstance): Guest['elsewhere'] {
  // Those that are registered after this, which are all.
  const paths = new Set<string>()
  app.addHook('onRoute', ({ url }) => { paths.add(url) })
  return (request, socket, head) => {
    socket.on('error', destroy)
    const isWebSocket = request.headers.upgrade?.toLowerCase() === 'websocket'
    if (cannotUpgrade(socket)) socket.destroy()
    // Another protocol, which is not spoken here.
    else if (!isWebSocket) serveWithoutUpgrade(app.server, request, socket.off('error', destroy), head)
    else if (paths.has(pathOf(request))) endRefused(socket, refusal('bad_message', `upgrade: only ${PATH} takes WebSockets`))
    else endRefused(socket, refusal('not_found'))
  }
}

/** An upgrade that is let in. */
interface Arrival {
  readonly asker: Asker
  readonly socket: Socket
  /** Without one it is closed at once: its token was refused, and why. */
  readonly caller: Caller | { readonly problem: string }
}

/** Who is let in is decided before the upgrade, so that a refusal costs neither side a connection. */
async function admit (
  asker: Asker, socket: Socket, options: UpgradeOptions, letIn: (arrival: Arrival) => void
): Promise<void> {
  const { services } = options
  try {
    const caller = await arrive(asker, socket, options)
    if ('reason' in caller) {
      services.counts.upgradesRefused[caller.reason]++
      endRefused(socket, caller)
    } else letIn({ asker, socket, caller })
  } catch (error) {
    services.logger.error({ err: error }, 'upgrade failed')
    socket.destroy()
  }
}

async function arrive (
  asker: Asker, socket: Socket, { admission, services: { auth, logger } }: UpgradeOptions
): Promise<Arrival['caller'] | Refusal> {
  const { user, rooms } = queryOf(asker)
  const refused = auth === undefined ? refuseUser(user) : undefined
  if (refused !== undefined) return refused
  const leave = admission.admit(asker, rooms.length)
  if (typeof leave !== 'function') return leave
  // Whatever becomes of the upgrade, its socket ends.
  socket.on('close', leave)
  const caller = await identify(asker, auth, true)
  // The keys of tokens may have taken seconds to come: who is let in now would hold up the end.
  const closed = admission.refuseAll()
  if (closed !== undefined) {
    leave()
    return closed
  }
  if (isCaller(caller)) return caller
  logger.debug({ address: asker.ip, problem: caller.message }, 'refused')
  // Browsers tell the code of a close.
  if (isAskedByBrowser(asker, auth) && ERRORS[caller.reason].code === 401) return { problem: caller.message }
  leave()
  return caller
}

/** Listeners are attached in the same turn as the upgrade, or the first frames are lost. */
function open (
  server: WebSocketServer, request: IncomingMessage, head: Buffer, { asker, socket, caller }: Arrival,
  options: UpgradeOptions
): void {
  const { counts } = options.services
  socket.off('error', destroy)
  // Everyone gets the same bytes, whose window is 32 KB: whoever wants less gets them uncompressed.
  if (SMALLER_WINDOW.test(request.headers['sec-websocket-extensions'] ?? '')) delete request.headers['sec-websocket-extensions']
  // The answer to the upgrade and the first frame leave in one write.
  socket.cork()
  server.handleUpgrade(request, socket, head, (ws: WebSocket) => {
    if ('problem' in caller) {
      ws.on('error', destroyed)
      ws.close(CLOSES.unauthenticated.code, caller.problem)
      counts.closed(CLOSES.unauthenticated.code)
    } else connect(ws as ClosingSocket, { asker, socket, caller }, options)
  })
  socket.uncork()
}

/** A listener for what ends a socket. */
function destroy (this: Socket): void {
  this.destroy()
}

/** ws ends the connection itself, with the right code. */
function destroyed (): void {}
