import type { Access } from '../auth/auth.ts'
import type { Member, MemberOwner } from '../hub/member.ts'
import { replyFrame } from '../hub/frame.ts'
import { SendQueue, type SendQueueListener } from '../hub/send-queue.ts'
import type { Decoded } from '../protocol/codec.ts'
import { type CloseName, CLOSES, ERRORS, type Refusal } from '../protocol/codes.ts'
import { formatCursor } from '../protocol/cursor.ts'
import type { Reply, Request, RequestId } from '../protocol/messages.ts'
import { ALL } from '../protocol/rooms.ts'
import { MAX_DECISIONS } from './asked-hooks.ts'
import { Credentials, type TokenHolder } from './credentials.ts'
import { LAST_ANSWERS_MS, LET_GO_MS } from './drain-times.ts'
import { Gate } from './gate.ts'
import type { Patient } from './heartbeat.ts'
import { depart, enter } from './membership.ts'
import { Requests } from './requests.ts'
import type { Services } from './services.ts'
import type { Retiring } from './sessions.ts'
import type { Talking } from './slow-messages.ts'
import type { Transport } from './transport.ts'

export interface Identity {
  readonly connection: string
  readonly user: string
  /** Whose keys count as one's own: the user's, or those of all guests, who have no lasting name. */
  readonly keyScope: string
  readonly access: Access
  /** Whether the operator's own rule has allowed, before it began, all that it joins. */
  readonly isAuthorized?: boolean
}

const CURSOR_PATIENCE_MS = 1_000
// Whose clients flood, or talk nonsense: what they send on would be taken apart until their close frame comes. Of one
// that was only mistaken in the type of a frame, that comes soon.
const HEARD_BYTES: Readonly<Partial<Record<CloseName, number>>> = {
  flooding: 0, malformed: 0, dripping: 0, binary: 4_096
}

/** One connection's life, from welcome to close: what it asks is in requests.ts, what it is told has one queue. */
export class Session implements Patient, Retiring, Talking, MemberOwner, SendQueueListener, TokenHolder {
  readonly identity: Identity
  readonly services: Services
  readonly credentials: Credentials
  readonly queue: SendQueue
  /** By room, `$all` among them. */
  readonly members = new Map<string, Member>()
  /** How many joins of rooms are under way in which it is no member yet. */
  joining = 0
  // These are made when they are needed: most connections only listen.
  #from: string | undefined
  #reads: Gate | undefined
  #decisions: Gate | undefined
  heardMs: number
  messages = 0
  readonly #transport: Transport
  readonly #requests: Requests
  #isReading = true
  #isClosed = false
  #retiring: NodeJS.Timeout | undefined
  #waitForCursor: NodeJS.Timeout | undefined
  #isFinishing = false

  constructor (services: Services, transport: Transport, identity: Identity) {
    const { limits, now } = services
    this.services = services
    this.identity = identity
    this.heardMs = now()
    this.credentials = new Credentials(identity.access, this)
    this.#transport = transport
    this.queue = new SendQueue(transport, services.flusher, limits.sendQueueBytes, this)
    this.#requests = new Requests(this)
  }

  get isClosed (): boolean {
    return this.#isClosed
  }

  /**
   * Says welcome, and takes part in `$all`, which this replica follows for as long as it lives.
   * @param mayResume whether the client may yet ask for `$all` from its cursor
   */
  open (mayResume = true): void {
    const { hub, heartbeat, limits, replica, counts } = this.services
    counts.opened++
    const all = hub.get(ALL)!
    this.reply({
      type: 'welcome',
      protocol: 1,
      connection: this.identity.connection,
      user: this.identity.user,
      replica,
      pingIntervalMs: limits.pingIntervalMs,
      maxMessageBytes: limits.maxMessageBytes,
      expires: this.credentials.expires,
      broadcastCursor: formatCursor(all.top)
    })
    const member = enter(this, ALL, all, all.top)
    if (mayResume) this.#awaitCursor(member)
    all.add(member)
    heartbeat.add(this)
  }

  /** Who comes back hands in its cursor first: what is broadcast until then comes after what was missed. */
  #awaitCursor (member: Member): void {
    member.hold()
    this.#waitForCursor = setTimeout(() => {
      this.cursorCame()
      // Where a join is under way that brings it, what is broadcast waits for that, too.
      member.release(undefined)
    }, CURSOR_PATIENCE_MS)
  }

  /** The client has asked for `$all`, from its cursor: it is not waited for any more. */
  cursorCame (): void {
    clearTimeout(this.#waitForCursor)
    this.#waitForCursor = undefined
  }

  /** Resolves when what is queued has left, as far as it must for more to be queued; at once where it has. */
  async writable (): Promise<void> {
    await this.#requests.writable()
  }

  /** The sender's name as JSON text, as messages carry it. */
  get from (): string {
    this.#from ??= JSON.stringify(this.user)
    return this.#from
  }

  get user (): string {
    return this.identity.user
  }

  get connection (): string {
    return this.identity.connection
  }

  /** What hooks decide of for this connection. */
  get decisions (): Gate {
    this.#decisions ??= new Gate(MAX_DECISIONS)
    return this.#decisions
  }

  get reads (): Gate {
    this.#reads ??= new Gate(1)
    return this.#reads
  }

  /** One whole message from the client. */
  onFrame (data: Buffer, isBinary: boolean): void {
    // ws goes on reading until the closing handshake is done.
    if (this.#isClosed) return
    this.heard()
    this.messages++
    if (isBinary) {
      this.close('binary')
      return
    }
    this.#requests.onMessage(data)
  }

  /** A ping of the client's, which ws has answered, or a pong. */
  onControl (isPong: boolean): void {
    this.heard()
    if (!this.#isClosed) this.#requests.onControl(isPong)
  }

  get isMidMessage (): boolean {
    return this.#isReading && !this.#isClosed && this.#transport.isMidMessage
  }

  onDrip (): void {
    this.close('dripping')
  }

  /** Nobody knows what state this connection is in: it ends, and all others go on. */
  onDefect (error: unknown, type?: Request['type']): void {
    this.services.logger.error({ connection: this.identity.connection, type, err: error }, 'defect')
    this.close('defect')
  }

  /** Anything at all came from the client. */
  heard (): void {
    this.heardMs = this.services.now()
  }

  /** Carries out a request that no rate is counted for. */
  handle (decoded: Decoded): void {
    this.#requests.handle(decoded)
  }

  reply (reply: Reply): void {
    this.queue.push(replyFrame(reply))
  }

  refuse (refused: Refusal, id: RequestId | undefined, room?: string): void {
    const { code, retryable } = ERRORS[refused.reason]
    this.services.counts.refusals[refused.reason]++
    this.reply({
      type: 'error',
      id,
      room,
      code,
      reason: refused.reason,
      message: refused.message,
      retryable,
      retryAfterMs: refused.retryAfterMs
    })
  }

  ping (): void {
    this.#requests.pinged()
    this.#transport.ping()
  }

  onSilence (): void {
    // A client that is being waited for, because it reads slowly, is not read from: it cannot be heard.
    if (this.#isReading) this.close('silent')
    else this.ping()
  }

  /** Tells the client when to come anew, works on as ever, and closes 2 s after that. Once. */
  retire (afterMs: number): void {
    if (this.#retiring !== undefined || this.#isClosed) return
    this.reply({ type: 'goodbye', reason: 'draining', reconnect: true, afterMs })
    this.#retiring = setTimeout(() => { void this.#finish() }, afterMs + LET_GO_MS)
  }

  terminate (): void {
    this.#transport.terminate()
  }

  /** Writes out what is queued, and closes. */
  close (name: CloseName): void {
    if (this.#isClosed) return
    const { code, reason } = CLOSES[name]
    this.queue.close()
    this.#transport.close(code, reason, HEARD_BYTES[name])
    this.onClosed()
  }

  /** The connection has ended, by whichever side. */
  onClosed (): void {
    if (this.#isClosed) return
    this.#isClosed = true
    clearTimeout(this.#retiring)
    clearTimeout(this.#waitForCursor)
    this.credentials.stop()
    this.queue.close()
    this.services.heartbeat.remove(this)
    for (const name of [...this.members.keys()]) depart(this, name, true)
    this.#requests.resume()
    this.services.hooks?.tell('onDisconnect', { user: this.user, connection: this.connection })
  }

  /** What was asked for is answered, nothing more is taken, and then it closes. */
  async #finish (): Promise<void> {
    this.#isFinishing = true
    this.updateReading()
    this.#retiring = setTimeout(() => this.close('draining'), LAST_ANSWERS_MS)
    await this.#requests.idle()
    this.close('draining')
  }

  onTokenEnded (): void {
    this.close('unauthenticated')
  }

  onFull (): void {
    this.#transport.watchStall(this.services.limits.stallTimeoutMs)
    this.updateReading()
  }

  onDrained (): void {
    this.#transport.watchStall(0)
    // It took what was sent: that is a sign of life, though it could not be read from.
    this.heard()
    this.updateReading()
    for (const member of this.members.values()) member.drained()
    this.#requests.resume()
  }

  /** A peer that asks and never reads, or asks faster than Redis answers, must not grow us. */
  updateReading (): void {
    const on = !this.queue.isFull && !this.#requests.isFull && !this.#isFinishing
    if (on === this.#isReading || this.#isClosed) return
    this.#isReading = on
    this.#transport.setReading(on)
  }
}
