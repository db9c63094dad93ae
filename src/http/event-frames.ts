import { type Frame, payloadsOf } from '../hub/frame.ts'
import { ALL } from '../protocol/rooms.ts'

/** What one frame is to an event stream. */
export interface StreamEvent {
  readonly kind: 'welcome' | 'joined' | 'message' | 'gap' | 'goodbye' | 'error' | 'other'
  /** The room it is about, and the place there that it leads to; undefined where it leads to none. */
  readonly room: string | undefined
  readonly cursor: string | undefined
  /** Of `joined`: how many messages of before that place follow. */
  readonly replay: number
  /** Its text, on one line. */
  readonly data: Uint8Array
}

// No numbered frame's place ends behind this: 128 characters of room, 82 of cursor, and what is between.
const HEAD_BYTES = 320
const PLACED = /^\{"type":"(?:message|position|broadcast)",(?:"room":"([^"]+)",)?"seq":\d+,"cursor":"([^"]+)"/
const TYPE = /^\{"type":"(welcome|joined|gap|goodbye|error)"/
// These name a place as well, in no fixed order; they are few.
const NAMING: ReadonlySet<unknown> = new Set<StreamEvent['kind']>(['welcome', 'joined', 'gap'])
const NOWHERE = { room: undefined, cursor: undefined, replay: 0 }

// All members of a room get the same bytes, for as long as they are written.
const takenApart = new WeakMap<Frame, readonly StreamEvent[]>()

/** The events of frames that hub/frame.ts built and a queue joined: the same ones for the same bytes. */
export function eventsOf (joined: Frame): readonly StreamEvent[] {
  let events = takenApart.get(joined)
  if (events === undefined) takenApart.set(joined, events = payloadsOf(joined).map(toEvent))
  return events
}

function toEvent (payload: Uint8Array): StreamEvent {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  const head = bytes.toString('latin1', 0, HEAD_BYTES)
  const data = dataOf(bytes)
  const placed = PLACED.exec(head)
  if (placed !== null) return { kind: 'message', room: placed[1] ?? ALL, cursor: placed[2], replay: 0, data }
  const kind = (TYPE.exec(head)?.[1] ?? 'other') as StreamEvent['kind']
  return { kind, ...(NAMING.has(kind) ? placeIn(JSON.parse(bytes.toString()) as Naming) : NOWHERE), data }
}

interface Naming {
  readonly room?: string
  readonly cursor?: string
  readonly broadcastCursor?: string
  readonly replay?: number
}

function placeIn (
  { room = ALL, broadcastCursor, cursor = broadcastCursor, replay = 0 }: Naming
): Pick<StreamEvent, 'room' | 'cursor' | 'replay'> {
  return { room, cursor, replay }
}

const [LF, CR, SPACE] = [0x0a, 0x0d, 0x20]

/**
 * `content` is passed on as it was written, and JSON may be written on several lines. Their ends become spaces: either
 * is space between values, for none can stand in a string. A `data` for each would be seven times as much of what is
 * nothing but line ends.
 */
function dataOf (payload: Buffer): Uint8Array {
  if (!payload.includes(LF) && !payload.includes(CR)) return payload
  return payload.map((byte) => byte === LF || byte === CR ? SPACE : byte)
}
