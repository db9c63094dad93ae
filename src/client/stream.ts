import type { Channel } from './channel.ts'
import { TidegateError } from './errors.ts'
import type { Message } from './types.ts'

/** How many messages wait for a consumer that is slower than its room. */
const MAX_WAITING = 1_000

/**
 * A room's messages for one `for await`. Bounded: a consumer that falls behind by more than 1,000 messages gets those,
 * and then a `slow_consumer` error with the cursor to go on from; nothing is left out in silence.
 */
export async function * streamOf<Content> (channel: Channel): AsyncGenerator<Message<Content>, undefined> {
  const { name: room, events } = channel
  const waiting: Array<Message<Content>> = []
  let wake = (): void => {}
  // Undefined while it goes on.
  let end = channel.refused && { error: channel.refused as TidegateError | undefined }
  const stops = [
    events.on('message', (message) => {
      // After one that was left out none may follow.
      if (end === undefined && waiting.length < MAX_WAITING) waiting.push(message as Message<Content>)
      else end ??= { error: new TidegateError('slow_consumer', 'it is too slow', { room, cursor: waiting.at(-1)!.cursor }) }
      wake()
    }),
    events.on('end', (error) => {
      end ??= { error }
      wake()
    })
  ]
  try {
    for (;;) {
      const message = waiting.shift()
      if (message !== undefined) yield message
      else if (end === undefined) await new Promise<void>((resolve) => { wake = resolve })
      else if (end.error === undefined || end.error.reason === 'left') return undefined
      else throw end.error
    }
  } finally {
    for (const stop of stops) stop()
  }
}
