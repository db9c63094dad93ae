import type { SocketLike } from '../../src/client/types.ts'
import type { ScriptedGateway } from './scripted-gateway.ts'
import type { Entry, ScriptedLog } from './scripted-log.ts'

interface Request {
  readonly type: string
  readonly id?: number
  readonly room?: string
  readonly since?: string
  readonly history?: number
  readonly key?: string
  readonly echo?: boolean
  readonly ephemeral?: boolean
  readonly content?: unknown
  readonly token?: string
}

/** Both ends of one connection: what the client holds, and what the gateway knows of it. */
export class ScriptedSocket implements SocketLike {
  readyState = 0
  onmessage: ((event: never) => void) | null = null
  onclose: ((event: never) => void) | null = null
  onerror: ((event: never) => void) | null = null
  /** By room, the cursor of the last entry that it was sent. */
  readonly members = new Map<string, string>()
  readonly url: URL
  isMuted = false
  #isOver = false
  #upMs = 0
  #downMs = 0
  #expiresMs = Infinity
  readonly #gateway: ScriptedGateway

  constructor (gateway: ScriptedGateway, url: string) {
    this.#gateway = gateway
    this.url = new URL(url)
    gateway.dialled++
    const fate = gateway.script.dials.shift() ?? 0
    if (fate === 'silent') this.isMuted = true
    gateway.time.setTimeout(() => {
      if (fate === 'refused') this.cut()
      else this.#open(fate === 0 || fate === 'silent' ? undefined : fate)
    }, gateway.latencyMs)
  }

  get user (): string {
    return this.url.searchParams.get('user') ?? 'guest'
  }

  send (text: string): void {
    this.#upMs = Math.max(this.#upMs, this.#at())
    this.#gateway.time.setTimeout(() => {
      if (!this.#isOver && !this.isMuted) this.#take(JSON.parse(text) as Request)
    }, this.#upMs - this.#gateway.time.now())
  }

  close (): void {
    this.readyState = 3
    this.#gateway.time.setTimeout(() => this.#gone(), this.#gateway.latencyMs)
  }

  /** It ends without a word: what is under way either way is lost. */
  cut (code = 1006, reason = ''): void {
    if (this.#isOver) return
    this.#gone()
    this.readyState = 3
    this.onclose?.({ code, reason } as never)
  }

  /** The gateway closes it, after what it has said. */
  end (code: number, reason = ''): void {
    this.#downMs = Math.max(this.#downMs, this.#at())
    this.#gateway.connections.delete(this)
    this.#gateway.time.setTimeout(() => {
      if (!this.isMuted) this.cut(code, reason)
    }, this.#downMs - this.#gateway.time.now())
  }

  goodbye (afterMs: number): void {
    this.push(JSON.stringify({ type: 'goodbye', reason: 'draining', reconnect: true, afterMs }))
    this.#gateway.time.setTimeout(() => this.end(1001, 'draining'), afterMs + 2_000)
  }

  push (text: string): void {
    if (this.#isOver) return
    this.#downMs = Math.max(this.#downMs, this.#at())
    this.#gateway.time.setTimeout(() => {
      if (!this.#isOver && !this.isMuted && this.readyState === 1) this.onmessage?.({ data: text } as never)
    }, this.#downMs - this.#gateway.time.now())
  }

  offer (room: string, entry: Entry): void {
    if (!this.members.has(room)) return
    this.members.set(room, entry.cursor)
    const fate = this.#gateway.script.frames.shift()
    if (fate === 'lost') return
    this.#message(room, entry)
    if (fate === 'twice') this.#message(room, entry)
  }

  move (room: string, reason: string, log: ScriptedLog): void {
    if (!this.members.has(room)) return
    this.members.set(room, log.cursor)
    this.push(JSON.stringify({ type: 'gap', room, reason, cursor: log.cursor, seq: log.seq }))
  }

  #message (room: string, { seq, cursor, content, from }: Entry): void {
    const type = room === '$all' ? 'broadcast' : 'message'
    this.push(JSON.stringify({ type, room, seq, cursor, from, content, timestamp: '2026-01-01T12:00:00.000Z' }))
  }

  #at (): number {
    const { time, latencyMs } = this.#gateway
    return time.now() + latencyMs * (0.5 + time.random())
  }

  #gone (): void {
    this.#isOver = true
    this.#gateway.connections.delete(this)
  }

  #open (closeCode: number | undefined): void {
    if (this.#isOver || this.readyState !== 0) return
    this.readyState = 1
    if (closeCode !== undefined) return this.end(closeCode)
    this.#gateway.connections.add(this)
    const expires = this.#believe(this.url.searchParams.get('token'))
    const all = this.#gateway.log('$all')
    this.members.set('$all', all.cursor)
    this.push(JSON.stringify({
      type: 'welcome',
      protocol: 1,
      connection: this.#gateway.nextId(),
      user: this.user,
      replica: 'r',
      pingIntervalMs: 25_000,
      maxMessageBytes: 65_536,
      broadcastCursor: all.cursor,
      expires
    }))
  }

  /** @returns when the token ends; then the connection does, unless another was shown */
  #believe (token: string | null): string | undefined {
    const { time, tokenLifeMs, tokens } = this.#gateway
    tokens.push(token)
    if (tokenLifeMs === undefined) return undefined
    const expiresMs = this.#expiresMs = time.now() + tokenLifeMs
    time.setTimeout(() => {
      if (this.#expiresMs === expiresMs && !this.#isOver) this.end(4401, 'token expired')
    }, tokenLifeMs)
    return new Date(expiresMs).toISOString()
  }

  #take (request: Request): void {
    const { type, id, room = '' } = request
    if (type === 'ping') this.push(JSON.stringify({ type: 'pong', id, timestamp: new Date(this.#gateway.time.now()).toISOString() }))
    else if (type === 'auth' && this.#gateway.isRefusingTokens) this.#refuse(id, room, 403, 'forbidden', false)
    else if (type === 'auth') {
      const expires = this.#believe(request.token!)
      this.push(JSON.stringify({ type: 'authenticated', id, user: this.user, expires }))
    } else if (type === 'join') this.#join(request)
    else if (type === 'leave') {
      this.members.delete(room)
      this.push(JSON.stringify({ type: 'left', id, room }))
    } else if (type === 'message' || type === 'broadcast') this.#publish(request)
    else this.push(JSON.stringify({ type: 'error', id, code: 400, reason: 'unknown_type', message: type, retryable: false }))
  }

  #join ({ id, room = '', since, history = 0 }: Request): void {
    const { kinds } = this.#gateway
    if (kinds[room] === 'live') {
      this.members.set(room, '')
      this.push(JSON.stringify({ type: 'joined', id, room }))
      return
    }
    const log = this.#gateway.log(room)
    const found = since === undefined ? undefined : log.since(since)
    const isGap = typeof found === 'string'
    let replay = found === undefined || isGap ? (history === 0 ? [] : log.entries.slice(-history)) : found
    if (kinds[room] === 'latest') replay = since === log.cursor ? [] : log.entries.slice(-1)
    this.members.set(room, log.cursor)
    const place = { cursor: log.cursor, seq: log.seq }
    const recovered = since === undefined ? undefined : !isGap
    this.push(JSON.stringify({ type: 'joined', id, room, ...place, recovered, replay: replay.length }))
    if (isGap) this.push(JSON.stringify({ type: 'gap', room, reason: found, ...place }))
    for (const entry of replay) this.#message(room, entry)
  }

  #publish ({ type, id, room = '$all', key, content, echo, ephemeral }: Request): void {
    if (type === 'message' && !this.members.has(room)) return this.#refuse(id, room, 403, 'not_joined', false)
    if (ephemeral === true || this.#gateway.kinds[room] === 'live') {
      this.#gateway.signal(room, this.user, content, '2026-01-01T12:00:00.000Z')
      if (id !== undefined) this.push(JSON.stringify({ type: 'ack', id, room }))
      return
    }
    const refusal = this.#gateway.script.refusals.shift()
    if (refusal === 'rate_limited') return this.#refuse(id, room, 429, refusal, true, 300)
    if (refusal === 'unavailable') return this.#refuse(id, room, 503, refusal, true)
    if (refusal === 'unknown_outcome') return this.#refuse(id, room, 503, 'unknown_outcome', true)
    const { entry, duplicate } = this.#gateway.log(room).append(this.user, content, key, this.#gateway.time.now())
    if (!duplicate) this.#gateway.deliver(room, entry, echo === false ? this : undefined)
    if (echo === false) this.members.set(room, this.#gateway.log(room).cursor)
    if (refusal === 'unknown_stored') return this.#refuse(id, room, 503, 'unknown_outcome', true)
    const { cursor, seq } = entry
    this.push(JSON.stringify({ type: 'ack', id, room, seq, cursor, duplicate: duplicate || undefined }))
  }

  #refuse (
    id: number | undefined, room: string, code: number, reason: string, retryable: boolean, retryAfterMs?: number
  ): void {
    this.push(JSON.stringify({ type: 'error', id, room, code, reason, message: reason, retryable, retryAfterMs }))
  }
}
