import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { decode } from '../protocol/codec.ts'
import { CLOSES } from '../protocol/codes.ts'
import type { Services } from '../session/services.ts'
import { type Identity, Session } from '../session/session.ts'
import type { Sessions } from '../session/sessions.ts'
import type { Caller } from './access.ts'
import type { Admission } from './admission.ts'
import type { Asker } from './asker.ts'
import type { ClosingSocket } from './closing-socket.ts'
import { SocketTransport } from './socket-transport.ts'

// No code at all: counted with those that nobody knows.
const UNKNOWN = 0
// With which ws closes (RFC 6455 section 7.4.1: a policy is violated).
const TOO_MANY_FRAGMENTS = 1008

/** Who has come, and on which socket. */
interface Connecting {
  readonly asker: Asker
  readonly socket: Socket
  readonly caller: Caller
}

/** What all connections of a server have in common. */
interface Door {
  readonly services: Services
  readonly sessions: Sessions<Session>
  readonly admission: Admission
}

/** Begins a session; in the same turn as the upgrade, or the first frames are lost. */
export function connect (ws: ClosingSocket, { asker, socket, caller }: Connecting, door: Door): void {
  const { services, sessions } = door
  const query = queryOf(asker)
  const transport = new SocketTransport(ws, socket, services.deflater)
  const session = new Session(services, transport, identityOf(caller, query.user))
  transport.start(session.queue)
  listen(ws, session, asker.ip, door)
  const { connection, user } = session.identity
  services.logger.debug({ connection, user, address: asker.ip }, 'connected')
  session.open()
  // With the answer to the upgrade.
  session.queue.flush()
  sessions.add(session)
  joinAll(session, query)
}

// What is no accident, and costs others something.
const FLOODS: ReadonlySet<number> = new Set([CLOSES.flooding.code, CLOSES.malformed.code, TOO_MANY_FRAGMENTS])

// One function for all connections, and neither a closure nor an object for each: there are many, and most are idle.
const SESSION = Symbol('session')
const ADDRESS = Symbol('address')
const DOOR = Symbol('door')
type Heard = ClosingSocket & { [SESSION]: Session, [ADDRESS]: string, [DOOR]: Door }

function listen (ws: ClosingSocket, session: Session, address: string, door: Door): void {
  Object.assign(ws, { [SESSION]: session, [ADDRESS]: address, [DOOR]: door })
  ws.on('message', onMessage as (this: WebSocket, data: Buffer, isBinary: boolean) => void)
  ws.on('ping', onPing as (this: WebSocket) => void)
  ws.on('pong', onPong as (this: WebSocket) => void)
  // ws ends the connection itself, with the right code.
  ws.on('error', onError as (this: WebSocket, error: Error) => void)
  ws.on('close', onClose as (this: WebSocket, code: number) => void)
  ws.whenClosing = onClosing as (this: ClosingSocket, code: number | undefined) => void
}

function onMessage (this: Heard, data: Buffer, isBinary: boolean): void {
  const session = this[SESSION]
  // What throws here concerns this client alone: thrown on, it would end the process for all.
  try {
    session.onFrame(data, isBinary)
  } catch (error) {
    session.onDefect(error)
  }
}

function onPing (this: Heard): void {
  this[SESSION].onControl(false)
}

function onPong (this: Heard): void {
  this[SESSION].onControl(true)
}

function onError (this: Heard, error: Error): void {
  this[SESSION].services.logger.debug({ err: error }, 'socket')
}

function onClosing (this: Heard, code: number | undefined): void {
  if (code !== undefined && FLOODS.has(code)) this[DOOR].admission.blame(this[ADDRESS])
}

function onClose (this: Heard, heardCode: number): void {
  const code = this.sentCode ?? heardCode
  const { [SESSION]: session, [DOOR]: { sessions } } = this
  const { connection, user } = session.identity
  sessions.delete(session)
  session.onClosed()
  // Whoever sends 1011 has a defect of its own.
  session.services.counts.closed(code === CLOSES.defect.code && this.isClosedHere !== true ? UNKNOWN : code)
  session.services.logger.debug({ connection, user, code }, 'disconnected')
}

interface Query {
  readonly user: string | undefined
  readonly rooms: readonly string[]
  readonly history: string | undefined
}

/** `?user=`, `?join=` (may repeat) and `?history=`, as a browser's FormData would encode them. */
export function queryOf (asker: Asker): Query {
  const query = asker.query as Readonly<Record<string, string | string[] | undefined>>
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

/** Who a connection belongs to: a verified user, or in an open gateway who it says it is, or a guest. */
export function identityOf ({ user: verified, access }: Caller, named: string | undefined): Identity {
  // Node keeps some in store; asking the kernel for each is dear.
  const random = randomUUID()
  const connection = `c_${random.slice(0, 8)}${random.slice(9, 13)}`
  const user = verified ?? named
  return user === undefined
    ? { connection, user: `guest-${nameOf(random)}`, keyScope: 'guest', access }
    : { connection, user, keyScope: `user:${user}`, access }
}

/** Six letters and digits, of bits that the connection's id does not have. */
function nameOf (random: string): string {
  return Number.parseInt(random.slice(-8), 16).toString(36).padStart(6, '0').slice(-6)
}
