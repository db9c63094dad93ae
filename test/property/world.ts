import { OPEN_ACCESS } from '../../src/auth/auth.ts'
import type { Broker, BrokerListener, SignalOutcome } from '../../src/broker/broker.ts'
import { payloadOf, type Frame } from '../../src/hub/frame.ts'
import type { Log } from '../../src/log/log.ts'
import type { Cursor } from '../../src/protocol/cursor.ts'
import type { Position } from '../../src/position/position.ts'
import { Session } from '../../src/session/session.ts'
import type { Transport } from '../../src/session/transport.ts'
import { startServices, type TestServices } from '../helpers/services.ts'
import { framesOf } from '../unit/fakes.ts'

export const ROOM = 'red'
export const REPLICAS = 3
/** So few that a burst of messages trims what somebody has not got yet. */
export const KEEP = { maxEntries: 6, maxAgeMs: 900_000, latestOnly: false }

/** What the gateway said to one client, as it came. */
export type Said = Readonly<Record<string, unknown>> & { readonly type: string }

/** The real thing: replicas on one log that can be lost and forked behind their backs. */
export interface World {
  readonly replicas: readonly RealReplica[]
  append (content: string): Promise<Cursor>
  flush (): Promise<void>
  fork (count: number): Promise<void>
  /** Everything that is under way has come to rest. */
  settle (): Promise<void>
  end (): Promise<void>
}

/** A broker in which messages get lost, as while a subscription is away. */
class LossyBroker implements Broker {
  isDeaf = false
  /** It has heard the room's newest message, so what it missed before must show. */
  isInformed = true
  readonly #inner: Broker
  readonly #rooms = new Set<string>()
  #listener: BrokerListener | undefined

  constructor (inner: Broker) {
    this.#inner = inner
  }

  get isUp (): boolean {
    return this.#inner.isUp
  }

  start (listener: BrokerListener): void {
    this.#listener = listener
    this.#inner.start({
      onEnvelope: (room, envelope) => {
        if (room === ROOM) this.isInformed = !this.isDeaf
        if (!this.isDeaf) listener.onEnvelope(room, envelope)
      },
      onRestored: (rooms) => listener.onRestored(rooms)
    })
  }

  async subscribe (room: string): Promise<void> {
    await this.#inner.subscribe(room)
    this.#rooms.add(room)
  }

  async unsubscribe (room: string): Promise<void> {
    this.#rooms.delete(room)
    await this.#inner.unsubscribe(room)
  }

  async publish (...args: Parameters<Broker['publish']>): Promise<SignalOutcome> {
    return await this.#inner.publish(...args)
  }

  async stop (): Promise<void> {
    await this.#inner.stop()
  }

  heal (): void {
    if (!this.isDeaf) return
    this.isDeaf = false
    this.isInformed = true
    this.#listener?.onRestored([...this.#rooms])
  }
}

/** One replica, without a server: its clients speak to its sessions. */
export class RealReplica {
  readonly #broker: LossyBroker
  readonly #parts: TestServices

  static async start (parts: { broker: Broker, log: Log, position: Position }): Promise<RealReplica> {
    const broker = new LossyBroker(parts.broker)
    const options = { retention: KEEP, lingerMs: 1_000, sendQueueBytes: 100_000 }
    return new RealReplica(broker, await startServices({ ...parts, broker }, options))
  }

  private constructor (broker: LossyBroker, parts: TestServices) {
    this.#broker = broker
    this.#parts = parts
  }

  connect (user: string): RealClient {
    return new RealClient(this.#parts, user)
  }

  get isDeaf (): boolean {
    return this.#broker.isDeaf
  }

  deafen (): void {
    this.#broker.isDeaf = true
  }

  /** It hears again, and knows that it did not for a while. */
  heal (): void {
    this.#broker.heal()
  }

  /** It hears again, and does not know that anything was lost. */
  hear (): void {
    this.#broker.isDeaf = false
  }

  get isInformed (): boolean {
    return this.#broker.isInformed
  }

  /** The log was changed behind its back. */
  mislead (): void {
    this.#broker.isInformed = false
  }

  /** The comparison of quiet rooms, which otherwise comes every 20 s. */
  async checkQuietRooms (): Promise<void> {
    // A room is quiet where nothing has come between two of them.
    await this.#parts.idleCheck.check()
    await this.#parts.idleCheck.check()
  }

  async stop (): Promise<void> {
    this.#parts.interest.stop()
    await this.#broker.stop()
  }
}

/** A client's end of a session. */
export class RealClient implements Transport {
  readonly pendingBytes = 0
  readonly isMidMessage = false
  readonly #said: Said[] = []
  readonly #session: Session

  constructor ({ services }: TestServices, user: string) {
    this.#session = new Session(services, this, { connection: `c_${user}`, user, keyScope: `user:${user}`, access: OPEN_ACCESS })
    this.#session.open()
  }

  join (since: string | undefined): void {
    this.#session.onFrame(Buffer.from(JSON.stringify({ type: 'join', id: 1, room: ROOM, since })), false)
  }

  leave (): void {
    this.#session.onFrame(Buffer.from(JSON.stringify({ type: 'leave', id: 2, room: ROOM })), false)
  }

  /** Breaks the connection. */
  cut (): void {
    this.#session.queue.flush()
    this.#session.onClosed()
  }

  /** What was said since the last time, of the room. */
  takeSaid (): readonly Said[] {
    return this.#said.splice(0)
  }

  write (bytes: Frame): void {
    for (const frame of framesOf(bytes)) {
      const said = JSON.parse(Buffer.from(payloadOf(frame)).toString()) as Said
      if (said['room'] === ROOM) this.#said.push(said)
    }
  }

  setReading (): void {}
  watchStall (): void {}
  ping (): void {}
  close (): void {}
  terminate (): void {}
}
