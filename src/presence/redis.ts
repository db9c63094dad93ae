import { randomUUID } from 'node:crypto'
import { BrokerError } from '../protocol/codes.ts'
import { ask, type RedisConnections, send } from '../redis/connections.ts'
import type { Keys } from '../redis/keys.ts'
import {
  COUNT_SCRIPT, HELD_SCRIPT, KEEP_SCRIPT, LIVE_SCRIPT, PUT_SCRIPT, RENEW_SCRIPT, RETIRE_SCRIPT, ROOMS_SCRIPT,
  SWEEP_SCRIPT
} from '../redis/presence-scripts.ts'
import { Script, type ScriptArgument } from '../redis/script.ts'
import { byRoom, merge } from './holdings.ts'
import { type Holding, MAX_LISTED, type Members, type OnStored, type Presence, RENEWALS_PER_LEASE, type RoomPage } from './presence.ts'

// Keys that nobody is left to give up go away by themselves.
const TTL_MS = 600_000
const KEEP_EVERY_MS = TTL_MS / 5
const SWEEP_SPREAD_MS = 200
const ROOMS_PER_SWEEP = 64

/** What is written down for those who are told outside, in the step that makes it come true (ADR 9). */
interface Outside {
  /** Which events of a room: letters of EVENT_TYPES (webhooks/queue.ts); none for none. */
  readonly wantedOf: (room: string) => string
  readonly maxWaiting: number
  readonly ttlMs: number
}

const NOBODY: Outside = { wantedOf: () => '', maxWaiting: 0, ttlMs: 0 }

/** Who is where, in Redis: one lease a replica, renewed by one command, whatever it holds. */
export class RedisPresence implements Presence {
  readonly #connections: RedisConnections
  readonly #keys: Keys
  readonly #leaseMs: number
  readonly #outside: Outside
  // How many commands have recorded, or could have: each has an id of its own.
  #records = 0
  // Of this life of the process: a replica that comes back under its old name is another one.
  readonly #lease = randomUUID()
  readonly #put = new Script(PUT_SCRIPT)
  readonly #renew = new Script(RENEW_SCRIPT)
  readonly #sweep = new Script(SWEEP_SCRIPT)
  readonly #retire = new Script(RETIRE_SCRIPT)
  readonly #live = new Script(LIVE_SCRIPT)
  readonly #held = new Script(HELD_SCRIPT)
  readonly #count = new Script(COUNT_SCRIPT)
  readonly #roomsOf = new Script(ROOMS_SCRIPT)
  readonly #keep = new Script(KEEP_SCRIPT)
  // When the others' leases end, by our clock.
  readonly #ends = new Map<string, number>()
  readonly #watches = new Map<string, NodeJS.Timeout>()
  #renewing: NodeJS.Timeout | undefined
  #keptMs = performance.now()
  // Until then our lease has not ended, whatever Redis' clock says.
  #liveUntilMs = 0
  #isStopped = false
  // Whether what was held may be lost, though the lease be not: also where a renewal had no answer.
  #isSuspect = false
  #onLost: () => void = () => {}
  #onStored: OnStored = () => {}

  constructor (connections: RedisConnections, keys: Keys, leaseMs: number, outside = NOBODY) {
    this.#connections = connections
    this.#keys = keys
    this.#leaseMs = leaseMs
    this.#outside = outside
  }

  start (onLost: () => void, onStored: OnStored = () => {}): void {
    this.#onLost = onLost
    this.#onStored = onStored
    // What a failover lost is not known: everything is told again.
    this.#connections.commands.on('ready', () => { void this.#renewLease(true) })
    void this.#renewLease(false)
    this.#renewing = setInterval(() => { void this.#renewLease(false) }, this.#leaseMs / RENEWALS_PER_LEASE)
  }

  async put (holdings: readonly Holding[]): Promise<void> {
    const { commands } = this.#connections
    const keys = [this.#keys.roomsOf(this.#lease), ...this.#outsideKeys]
    const args: ScriptArgument[] = [TTL_MS, ...this.#outsideArgs()]
    for (const [room, users] of byRoom(holdings)) {
      keys.push(this.#keys.held(room, this.#lease), this.#keys.users(room))
      args.push(room, this.#keys.channel(room), this.#outside.wantedOf(room), users.length)
      for (const holding of users) args.push(holding.user === undefined ? '' : JSON.stringify(holding.user), valueOf(holding))
    }
    await send(commands, () => this.#put.run(commands, keys, args))
    // What is put under a lease that has ended is nobody's to give up, until it is renewed.
    if (performance.now() > this.#liveUntilMs) await this.#renewLease(false)
  }

  async members (room: string): Promise<Members> {
    const { commands } = this.#connections
    const keys = (await this.#liveLeases()).map((lease) => this.#keys.held(room, lease))
    if (keys.length === 0) return { count: 0, members: [] }
    const held = await ask(commands, () => this.#held.run(commands, keys, [])) as Buffer[][]
    const members = merge(held.flatMap(toHoldings))
    return { count: members.length, members: members.slice(0, MAX_LISTED) }
  }

  async rooms (after: string, limit: number): Promise<RoomPage> {
    const { commands } = this.#connections
    const leases = await this.#liveLeases()
    const lists = await Promise.all(leases.map((lease) => this.#readRooms(lease, after, limit + 1)))
    const names = [...new Set(lists.flat())].sort()
    const listed = names.slice(0, limit)
    const keys = listed.flatMap((room) =>
      [this.#keys.users(room), ...leases.map((lease) => this.#keys.held(room, lease))])
    const counts = await ask(commands, () => this.#count.run(commands, keys, [leases.length])) as number[]
    return { rooms: listed.map((room, index) => ({ room, members: counts[index]! })), more: names.length > limit }
  }

  async stop (graceMs: number): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#renewing)
    for (const watch of this.#watches.values()) clearTimeout(watch)
    const { commands } = this.#connections
    try {
      const ended = await send(commands, () =>
        this.#retire.run(commands, [this.#keys.leases()], [this.#lease, graceMs])) as Buffer[]
      for (const lease of ended) await this.#giveUp(String(lease))
    } catch (error) {
      // The lease ends by itself.
      if (!(error instanceof BrokerError)) throw error
    }
  }

  async #liveLeases (): Promise<string[]> {
    const { commands } = this.#connections
    return (await ask(commands, () => this.#live.run(commands, [this.#keys.leases()], [])) as Buffer[]).map(String)
  }

  async #readRooms (lease: string, after: string, limit: number): Promise<string[]> {
    const { commands } = this.#connections
    const rooms = await ask(commands, () => this.#roomsOf.run(commands, [this.#keys.roomsOf(lease)], [after, limit]))
    return (rooms as Buffer[]).map(String)
  }

  /** @param isNew Redis is connected anew */
  async #renewLease (isNew: boolean): Promise<void> {
    if (this.#isStopped) return
    const isSuspect = isNew || this.#isSuspect
    this.#isSuspect = false
    const { commands } = this.#connections
    const askedMs = performance.now()
    try {
      const args = [this.#lease, this.#leaseMs, TTL_MS]
      const reply = await ask(commands, () => this.#renew.run(commands, [this.#keys.leases()], args))
      const [wasLive, nowMs, leases] = reply as [unknown, Buffer, Buffer[]]
      this.#liveUntilMs = askedMs + this.#leaseMs
      this.#watch(Number(String(nowMs)), leases.map(String))
      if (isSuspect || Number(wasLive) === 0) {
        this.#onLost()
        await this.#tellStored()
      }
      await this.#keepKeys()
    } catch (error) {
      // Redis is away, or its answer was lost, and with it whether the lease was.
      this.#isSuspect = true
      if (!(error instanceof BrokerError)) throw error
    }
  }

  /** Each lease of another is looked after when it would end. */
  #watch (nowMs: number, leases: readonly string[]): void {
    this.#ends.clear()
    for (let at = 0; at < leases.length; at += 2) {
      const lease = leases[at]!
      if (lease === this.#lease) continue
      this.#ends.set(lease, performance.now() + Number(leases[at + 1]) - nowMs)
      if (!this.#watches.has(lease)) this.#watchUntilEnd(lease)
    }
  }

  #watchUntilEnd (lease: string): void {
    const leftMs = Math.max(0, this.#ends.get(lease)! - performance.now())
    // Not all at once: one of us is enough.
    this.#watches.set(lease, setTimeout(() => { void this.#look(lease) }, leftMs + Math.random() * SWEEP_SPREAD_MS))
  }

  async #look (lease: string): Promise<void> {
    this.#watches.delete(lease)
    const endsMs = this.#ends.get(lease)
    if (endsMs === undefined || this.#isStopped) return
    if (endsMs > performance.now()) return this.#watchUntilEnd(lease)
    try {
      await this.#giveUp(lease)
    } catch (error) {
      // It stays among the leases, and is looked at again after the next renewal.
      if (!(error instanceof BrokerError)) throw error
    }
  }

  /** What a lease holds ends, if it has ended itself, and the rooms are told. */
  async #giveUp (lease: string): Promise<void> {
    const { commands } = this.#connections
    const own = this.#keys.roomsOf(lease)
    for (let left = 1; left > 0;) {
      const rooms = await this.#readRooms(lease, '', ROOMS_PER_SWEEP)
      const keys = rooms.flatMap((room) => [this.#keys.held(room, lease), this.#keys.users(room)])
      const args = rooms.flatMap((room) => [room, this.#keys.channel(room), this.#outside.wantedOf(room)])
      left = Number(await send(commands, () =>
        this.#sweep.run(commands, [this.#keys.leases(), own, ...this.#outsideKeys, ...keys],
          [lease, ...this.#outsideArgs(), ...args])))
    }
  }

  get #outsideKeys (): readonly string[] {
    return [this.#keys.webhookQueue(), this.#keys.webhookState()]
  }

  #outsideArgs (): readonly ScriptArgument[] {
    const { maxWaiting, ttlMs } = this.#outside
    return [maxWaiting, ttlMs, `${this.#lease}-${(this.#records++).toString(36)}`]
  }

  /** Keys that are in use do not expire. */
  async #keepKeys (): Promise<void> {
    if (performance.now() - this.#keptMs < KEEP_EVERY_MS) return
    this.#keptMs = performance.now()
    const { commands } = this.#connections
    const own = this.#keys.roomsOf(this.#lease)
    for await (const rooms of this.#ownRooms()) {
      const keys = rooms.flatMap((room) => [this.#keys.held(room, this.#lease), this.#keys.users(room)])
      await ask(commands, () => this.#keep.run(commands, [own, ...keys], [TTL_MS]))
    }
  }

  async #tellStored (): Promise<void> {
    const { commands } = this.#connections
    for await (const rooms of this.#ownRooms()) {
      const keys = rooms.map((room) => this.#keys.held(room, this.#lease))
      const held = await ask(commands, () => this.#held.run(commands, keys, [])) as Buffer[][]
      this.#onStored(rooms.flatMap((room, n) => toHoldings(held[n]!).map(({ user }) => ({ room, user }))))
    }
  }

  /** Where something is stored under our lease, some at a time. */
  async * #ownRooms (): AsyncGenerator<string[]> {
    for (let after = '', isMore = true; isMore;) {
      const rooms = await this.#readRooms(this.#lease, after, ROOMS_PER_SWEEP)
      if (rooms.length > 0) yield rooms
      isMore = rooms.length === ROOMS_PER_SWEEP
      after = rooms.at(-1) ?? ''
    }
  }
}

function valueOf ({ connections, info }: Holding): string {
  if (connections === undefined) return ''
  return info === undefined ? String(connections) : `${connections} ${info}`
}

/** Users and values in turn. */
function toHoldings (fields: readonly Buffer[]): Array<Pick<Holding, 'user' | 'connections' | 'info'>> {
  const holdings = []
  for (let at = 0; at < fields.length; at += 2) {
    const user = String(fields[at])
    const [connections, ...info] = String(fields[at + 1]).split(' ')
    holdings.push({
      user: user === '' ? undefined : JSON.parse(user) as string,
      connections: Number(connections),
      info: info.length > 0 ? info.join(' ') : undefined
    })
  }
  return holdings
}
