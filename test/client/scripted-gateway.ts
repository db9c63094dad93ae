import type { SocketConstructor, SocketLike } from '../../src/client/types.ts'
import type { VirtualTime } from './virtual-time.ts'

/** A stored message, as the gateway has it. */
export interface Entry {
  readonly cursor: string
  readonly seq: number
  readonly content: unknown
  readonly from: string
  readonly prev: string
}

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

const KEY_MS = 300_000
const KEEP = 20

/** A room's log, which faults trim, fork and lose; `stored` remembers all that ever was in it. */
export class ScriptedLog {
  epoch = 'e0'
  entries: Entry[] = []
  readonly stored: Entry[] = []
  readonly lost = new Set<Entry>()
  seq = 0
  #ids = 0
  #epochs = 0
  #base: string
  readonly #keys = new Map<string, { readonly entry: Entry, readonly atMs: number }>()

  constructor () {
    this.#base = `e0.0.${this.#ids++}`
  }

  get cursor (): string {
    return this.entries.at(-1)?.cursor ?? this.#base
  }

  append (
    from: string, content: unknown, key: string | undefined, nowMs: number
  ): { entry: Entry, duplicate: boolean } {
    const known = key === undefined ? undefined : this.#keys.get(key)
    if (known !== undefined && nowMs - known.atMs < KEY_MS) return { entry: known.entry, duplicate: true }
    const prev = this.cursor
    const seq = ++this.seq
    const entry = { seq, prev, cursor: `${this.epoch}.${seq}.${this.#ids++}`, content, from }
    this.entries.push(entry)
    this.stored.push(entry)
    if (this.entries.length > KEEP) this.entries.shift()
    if (key !== undefined) this.#keys.set(key, { entry, atMs: nowMs })
    return { entry, duplicate: false }
  }

  /** All is gone: a new epoch, and no key is known. */
  lose (): void {
    this.epoch = `e${++this.#epochs}`
    this.seq = 0
    for (const entry of this.stored) this.lost.add(entry)
    this.entries = []
    this.#keys.clear()
    this.#base = `${this.epoch}.0.${this.#ids++}`
  }

  /** A failover that lost the newest: their numbers are given out again. */
  fork (count: number): void {
    const lost = this.entries.splice(Math.max(0, this.entries.length - count))
    this.seq -= lost.length
    for (const entry of lost) this.lost.add(entry)
    for (const [key, { entry }] of this.#keys) if (lost.includes(entry)) this.#keys.delete(key)
    if (this.entries.length === 0) this.#base = `${this.epoch}.${this.seq}.${this.#ids++}`
  }

  /** What follows a cursor, or why it cannot be had. */
  since (cursor: string): Entry[] | string {
    const [epoch, text] = cursor.split('.')
    const seq = Number(text)
    if (epoch !== this.epoch) return 'epoch'
    if (seq > this.seq) return 'ahead'
    if (cursor === this.cursor) return []
    const index = this.entries.findIndex((entry) => entry.seq === seq)
    if (index !== -1) return this.entries[index]!.cursor === cursor ? this.entries.slice(index + 1) : 'fork'
    const [first] = this.entries
    if (first === undefined || first.seq !== seq + 1) return 'trimmed'
    return first.prev === cursor ? this.entries.slice() : 'fork'
  }
}

/** The faults that come next. */
export interface Script {
  /** How the next publishes are answered, one each. */
  readonly refusals: Array<'unavailable' | 'unknown_outcome' | 'unknown_stored' | 'rate_limited'>
  /** What happens to the next live frames, one each. */
  readonly frames: Array<'lost' | 'twice'>
  /** How the next connections fare, one each. */
  readonly dials: Array<'refused' | 'silent' | number>
}

/** A gateway after docs/protocol.md in virtual time, that does what the protocol allows, and worse. */
export class ScriptedGateway {
  readonly script: Script = { refusals: [], frames: [], dials: [] }
  readonly logs = new Map<string, ScriptedLog>()
  readonly connections = new Set<ScriptedSocket>()
  readonly time: VirtualTime
  readonly kinds: Readonly<Record<string, 'log' | 'latest' | 'live'>>
  latencyMs = 5
  dialled = 0
  /** How long a token lasts from when it was shown; undefined where none is asked for. */
  tokenLifeMs: number | undefined
  /** It takes none by `auth`. */
  isRefusingTokens = false
  /** All that were shown, by a connection's address or by `auth`. */
  readonly tokens: Array<string | null> = []
  #ids = 0

  constructor (time: VirtualTime, kinds: Readonly<Record<string, 'log' | 'latest' | 'live'>> = {}) {
    this.time = time
    this.kinds = kinds
  }

  get WebSocket (): SocketConstructor {
    // A function that returns an object is what `new` gives.
    const gateway = this
    return class {
      constructor (url: string) {
        return new ScriptedSocket(gateway, url)
      }
    } as unknown as SocketConstructor
  }

  nextId (): string {
    return `c${this.#ids++}`
  }

  log (room: string): ScriptedLog {
    let log = this.logs.get(room)
    if (log === undefined) this.logs.set(room, log = new ScriptedLog())
    return log
  }

  /** Somebody else says something. */
  say (room: string, content: unknown): void {
    const { entry } = this.log(room).append('other', content, undefined, this.time.now())
    this.deliver(room, entry, undefined)
  }

  deliver (room: string, entry: Entry, except: ScriptedSocket | undefined): void {
    for (const connection of this.connections) if (connection !== except) connection.offer(room, entry)
  }

  signal (room: string, from: string, content: unknown, timestamp: string): void {
    const text = JSON.stringify({ type: 'message', room, from, content, timestamp })
    for (const connection of this.connections) if (connection.members.has(room)) connection.push(text)
  }

  /** A log was lost or forked: members are told, as a replica does that notices. */
  announce (room: string, reason: string): void {
    const log = this.log(room)
    for (const connection of this.connections) connection.move(room, reason, log)
  }
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
