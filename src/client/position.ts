import type { Core } from './core.ts'
import type { TidegateError } from './errors.ts'
import type { Unsubscribe } from './events.ts'
import { POSITION } from './frames.ts'
import { receiptOf, type Room } from './room.ts'
import type { Gap, Message, MoveReceipt, Position, PublishOptions } from './types.ts'

interface PositionEvents { change: Position, gap: Gap, error: TidegateError }

/** The shared counter (the car): where it stands, and moving it. Followed from the first `on()` on. */
export class SharedPosition {
  readonly #core: Core
  readonly #join: () => Room<number>
  #room: Room<number> | undefined
  #current: number | undefined

  constructor (core: Core, join: () => Room<number>) {
    this.#core = core
    this.#join = join
  }

  /** As last heard; undefined before, and where nobody listens. */
  get current (): number | undefined {
    return this.#current
  }

  /** Joins the room `position` where it is not joined. @returns a function that ends it */
  on<Name extends keyof PositionEvents> (name: Name, listener: (event: PositionEvents[Name]) => void): Unsubscribe {
    if (this.#room === undefined) {
      this.#room = this.#join()
      this.#room.on('message', ({ content }) => { this.#current = content })
    }
    if (name !== 'change') return this.#room.on(name, listener as never)
    return this.#room.on('message', (message) => (listener as (event: Position) => void)(positionOf(message)))
  }

  /** Adds an integer, once, whatever the network does; resolves with where it stands then. */
  async move (delta: number, options: Omit<PublishOptions, 'echo'> = {}): Promise<MoveReceipt> {
    const { key = this.#core.newKey(), signal } = options
    const request = JSON.stringify({ type: 'move', delta, key })
    const ack = await this.#core.publish({ lane: POSITION, request, signal })
    return { ...receiptOf(ack), position: ack.position! }
  }
}

function positionOf ({ content, seq, timestamp }: Message<number>): Position {
  return { position: content, seq: seq!, timestamp }
}
