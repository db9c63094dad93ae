import { parseCursor } from '../protocol/cursor.ts'
import { ALL, isRoomName } from '../protocol/rooms.ts'
import type { StreamEvent } from './event-frames.ts'

/** How many rooms one stream may follow, `$all` not counted: the cursors of all of them are in each event's id. */
export const MAX_STREAM_ROOMS = 16

/** The id of the last event of a stream that is not to come back: 204 answers whoever does. */
export const STOP = 'stop'

/** By room, `$all` among them, the cursor of the newest message that came. */
export type Places = ReadonlyMap<string, string>

/**
 * The places that an event's id names: `room/cursor`, comma-separated.
 * @returns undefined where the text is no such id
 */
export function parseEventId (text: string): Places | undefined {
  const places = new Map<string, string>()
  const parts = text.split(',', MAX_STREAM_ROOMS + 2)
  if (parts.length > MAX_STREAM_ROOMS + 1) return undefined
  for (const part of parts) {
    const slash = part.indexOf('/')
    const [room, cursor] = [part.slice(0, slash), part.slice(slash + 1)]
    const isPlace = slash > 0 && (room === ALL || isRoomName(room)) && parseCursor(cursor) !== undefined
    if (!isPlace || places.has(room)) return undefined
    places.set(room, cursor)
  }
  return places
}

/**
 * The id of a stream's events: who hands one in gets, of all rooms, what comes after that event, and nothing of what
 * came up to it.
 */
export class EventId {
  readonly #places: Map<string, string>
  #text: string | undefined

  /** @param places where the client says that it is */
  constructor (places: Places) {
    this.#places = new Map(places)
  }

  get text (): string {
    this.#text ??= Array.from(this.#places, ([room, cursor]) => `${room}/${cursor}`).join(',')
    return this.#text
  }

  /** One more event leaves. */
  pass ({ kind, room, cursor, replay }: StreamEvent): void {
    if (room === undefined || cursor === undefined) return
    // Of what is announced here nothing has come yet: each message brings its own place.
    if (kind === 'joined' && replay > 0) return
    // Broadcasts that were missed are still to come.
    if (kind === 'welcome' && this.#places.has(room)) return
    this.#places.set(room, cursor)
    this.#text = undefined
  }
}
