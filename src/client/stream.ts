import { TidegateError } from './errors.ts'
import type { Message } from './types.ts'

/** How many messages wait for a consumer that is slower than its room. */
export const MAX_WAITING = 1_000

/**
 * A room's messages for one `for await`. Bounded: a consumer that falls behind by more than 1,000 messages gets those,
 * and then a `slow_consumer` error with the cursor to go on from; nothing is left out in silence.
 */
export class MessageStream<Content> implements AsyncIterableIterator<Message<Content>> {
  readonly #room: string
  readonly #onEnd: () => void
  #waiting: Array<Message<Content>> = []
  #wake: (() => void) | undefined
  #end: { readonly error: TidegateError | undefined } | undefined

  constructor (room: string, onEnd: () => void) {
    this.#room = room
    this.#onEnd = onEnd
  }

  push (message: Message<Content>): void {
    if (this.#end !== undefined) return
    if (this.#waiting.length >= MAX_WAITING) {
      const { cursor } = this.#waiting.at(-1)!
      this.end(new TidegateError('slow_consumer', `more than ${MAX_WAITING} messages wait`, { room: this.#room, cursor }))
      return
    }
    this.#waiting.push(message)
    this.#wake?.()
  }

  /** What waits is still handed over. */
  end (error?: TidegateError): void {
    this.#end ??= { error }
    this.#onEnd()
    this.#wake?.()
  }

  async next (): Promise<IteratorResult<Message<Content>, undefined>> {
    while (this.#waiting.length === 0 && this.#end === undefined) {
      await new Promise<void>((resolve) => { this.#wake = resolve })
    }
    const value = this.#waiting.shift()
    if (value !== undefined) return { value, done: false }
    const { error } = this.#end!
    this.#end = { error: undefined }
    if (error !== undefined) throw error
    return { value: undefined, done: true }
  }

  async return (): Promise<IteratorResult<Message<Content>, undefined>> {
    this.#waiting = []
    this.end()
    return { value: undefined, done: true }
  }

  [Symbol.asyncIterator] (): this {
    return this
  }
}
