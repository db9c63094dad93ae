import { decode, type Decoded } from '../protocol/codec.ts'
import { BrokerError, type Refusal, refusal } from '../protocol/codes.ts'
import type { Request } from '../protocol/messages.ts'
import { ALL, POSITION } from '../protocol/rooms.ts'
import { execute } from './commands.ts'
import { Conduct } from './conduct.ts'
import { Flow, type FlowListener } from './flow.ts'
import type { Session } from './session.ts'

// What asks for no room, and must keep its order all the same; no room is called so.
const AUTH = '$auth'
const MALFORMED = new Set(['bad_json', 'bad_message', 'unknown_type'])
const PUBLISHES = new Set<Request['type']>(['message', 'broadcast', 'move'])

/** What one connection asks: decoded, limited, and carried out in its order. */
export class Requests implements FlowListener {
  readonly #session: Session
  readonly #flow: Flow
  // Made when it is needed: most connections only listen.
  #counted: Conduct | undefined
  #isPongDue = false
  #renewing: Promise<void> | undefined

  constructor (session: Session) {
    this.#session = session
    this.#flow = new Flow(this)
  }

  /** As many are under way as may be. */
  get isFull (): boolean {
    return this.#flow.isFull
  }

  get #conduct (): Conduct {
    const { services, identity: { user } } = this.#session
    this.#counted ??= new Conduct(services, user)
    return this.#counted
  }

  /** Resolves when what is queued has left, as far as it must for more to be queued; at once where it has. */
  async writable (): Promise<void> {
    await this.#flow.allowed()
  }

  /** Resolves when none is under way. */
  async idle (): Promise<void> {
    await this.#flow.idle()
  }

  /** Replies have left, or the connection has ended: `mayBegin` may have become true. */
  resume (): void {
    this.#flow.resume()
  }

  onMessage (data: Buffer): void {
    const decoded = decode(data.toString())
    const refused = this.#conduct.refuse(data.length, decoded.ok && PUBLISHES.has(decoded.request.type))
    if (refused === undefined) this.handle(decoded)
    else this.#refuseOverRate(decoded, refused)
  }

  /** The client was asked for a pong. */
  pinged (): void {
    this.#isPongDue = true
  }

  /** A ping, or a pong. That it is too many can only be counted, not said. */
  onControl (isPong: boolean): void {
    const isDue = isPong && this.#isPongDue
    if (isPong) this.#isPongDue = false
    if (isDue || this.#conduct.refuse(0, false) === undefined) return
    this.#session.services.counts.refusals.rate_limited++
    if (this.#conduct.isStubborn()) this.#session.close('flooding')
  }

  /** Carries out a request that passed the limits, or says what is wrong with it. */
  handle (decoded: Decoded): void {
    if (!decoded.ok) {
      this.#session.refuse(decoded.refusal, decoded.id, decoded.room)
      if (MALFORMED.has(decoded.refusal.reason) && this.#conduct.isConfused()) this.#session.close('malformed')
      return
    }
    const { request } = decoded
    const cameMs = this.#session.heardMs
    // What is asked after a fresh token is judged by it, and not by the one before.
    const renewing = this.#renewing
    const task = renewing === undefined
      ? () => this.#execute(request, cameMs)
      : () => renewing.then(() => this.#execute(request, cameMs))
    const run = this.#flow.run(orderOf(request), isHeavy(request), task)
    if (request.type === 'auth') this.#renewing = run
    else void run
  }

  /** What was asked for before the end is not carried out after it, and need not wait for that. */
  mayBegin (): boolean {
    return this.#session.isClosed || !this.#session.queue.isFull
  }

  onChange (): void {
    this.#session.updateReading()
  }

  /** Never rejects. */
  async #execute (request: Request, cameMs: number): Promise<void> {
    try {
      if (!this.#session.isClosed) await execute(this.#session, request, cameMs)
    } catch (error) {
      this.#onFailure(request, error)
    }
  }

  #onFailure (request: Request, error: unknown): void {
    const { identity: { connection }, services: { logger, warnings } } = this.#session
    if (error instanceof BrokerError) {
      logger.debug({ connection, type: request.type, err: error }, 'request failed')
      if (error.isRefused) warnings.warn('requests fail', String(error.cause))
      this.#session.refuse(refusal(error.reason), request.id, roomOf(request))
      return
    }
    this.#session.onDefect(error, request.type)
  }

  #refuseOverRate (decoded: Decoded, refused: Refusal): void {
    const id = decoded.ok ? decoded.request.id : decoded.id
    const room = decoded.ok ? roomOf(decoded.request) : decoded.room
    this.#session.refuse(refused, id, room)
    if (this.#conduct.isStubborn()) this.#session.close('flooding')
  }
}

/** The room that a request names, or is about. */
function roomOf (request: Request): string | undefined {
  if (request.type === 'move') return POSITION
  return 'room' in request ? request.room : undefined
}

/** The room whose order a request belongs to. */
function orderOf (request: Request): string | undefined {
  if (request.type === 'auth') return AUTH
  return request.type === 'broadcast' ? ALL : roomOf(request)
}

/** Whether the reply may be as large as a megabyte. */
function isHeavy (request: Request): boolean {
  if (request.type === 'join') return (request.history ?? 0) > 0 || request.since !== undefined
  return request.type === 'history' || request.type === 'members'
}
