import type { Core } from './core.ts'
import type { TidegateError } from './errors.ts'
import { Emitter, type Unsubscribe } from './events.ts'
import { POSITION } from './frames.ts'
import { receiptOf, type Room } from './room.ts'
import type { Gap, Message, MoveReceipt, Position, PublishOptions } from './types.ts'

interface PositionEvents { change: Position, gap: Gap, error: TidegateError }

/** The shared counter (the car): where it stands, and moving it. Followed from the first `on('change')` on. */
export class SharedPosition {
  readonly #core: Core
  readonly #join: () => Room<number>
  readonly #events = new Emitter<PositionEvents>()
  #isFollowed = false
  #current: Position | undefined

  constructor (core: Core, join: () => Room<number>) {
    this.#core = core
    this.#join = join
  }

  /** As last heard; undefined before. */
  get current (): number | undefined {
    return this.#current?.position
  }

  /** @returns a function that ends it */
  on<Name extends keyof PositionEvents> (name: Name, listener: (event: PositionEvents[Name]) => void): Unsubscribe {
    if (name === 'change') this.follow()
    return this.#events.on(name, listener)
  }

  /** Joins the room `position`, so that `current` is known; nothing where it is joined. */
  follow (): void {
    if (this.#isFollowed) return
    this.#isFollowed = true
    const room = this.#join()
    room.on('message', (message) => this.#moved(message))
    room.on('gap', (gap) => this.#events.emit('gap', gap))
    room.on('error', (error) => this.#events.emit('error', error))
  }

  /** Adds an integer, once, whatever the network does; resolves with where it stands then. */
  async move (delta: number, options: Omit<PublishOptions, 'echo'> = {}): Promise<MoveReceipt> {
    const { key = this.#core.newKey(), signal } = options
    const request = JSON.stringify({ type: 'move', delta, key })
    const ack = await this.#core.publish({ lane: POSITION, request, signal })
    return { ...receiptOf(ack), position: ack.position ?? NaN }
  }

  #moved ({ content, seq = 0, timestamp }: Message<number>): void {
    this.#current = { position: content, seq, timestamp }
    this.#events.emit('change', this.#current)
  }
}
