import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import type { WebSocket } from 'ws'
import { type Frame, open, type Opening, readFrame } from '../socket.ts'
import type { Plan } from './plan.ts'

interface Room {
  readonly name: string
  readonly members: Member[]
  /** How many of this bench's messages were acked. */
  acked: number
}

interface Member {
  readonly socket: WebSocket
  readonly room: Room
  readonly replica: string
  /** The newest message it has seen. */
  seq: number
  delivered: number
  isClosed: boolean
}

interface CrowdOptions {
  readonly ws: string
  readonly plan: Plan
  /** Of the rooms' names: no other bench's. */
  readonly run: string
  /** Who a connection is: in an open gateway a name, otherwise a token. */
  readonly identityOf: (index: number) => Promise<{ readonly user?: string, readonly token?: string | undefined }>
}

const CONCURRENCY = 32
const CLOSE_PATIENCE_MS = 2_000
const JOIN_PATIENCE_MS = 10_000

/** All connections of a bench, in one process, and what they have seen. */
export class Crowd {
  /** Microseconds from when a message was due to its arrival, of each delivery. */
  readonly latencyUs: RecordableHistogram = createHistogram({ lowest: 1, highest: 600_000_000, figures: 3 })
  /** Why connections were refused, and requests; how often each. */
  readonly refusals = new Map<string, number>()
  readonly members: Member[] = []
  delivered = 0
  repeated = 0
  published = 0
  acked = 0
  /** Of publishes that were refused. */
  refused = 0
  /** Connections that ended before they were asked to. */
  cut = 0
  readonly #options: CrowdOptions
  readonly #rooms: Room[]
  #isEnding = false
  #next = 0

  constructor (options: CrowdOptions) {
    this.#options = options
    this.#rooms = Array.from({ length: options.plan.rooms }, (_, index) => (
      { name: `bench-${options.run}-${index}`, members: [], acked: 0 }))
  }

  get replicas (): number {
    return new Set(this.members.map(({ replica }) => replica)).size
  }

  /** Those that were let in, and joined. @param onOne told of each */
  async connect (onOne: () => void, signal: AbortSignal): Promise<void> {
    const { connections } = this.#options.plan
    const openSome = async (): Promise<void> => {
      while (this.#next < connections && !signal.aborted) {
        await this.#open(this.#next++)
        onOne()
      }
    }
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, connections) }, openSome))
  }

  /** One message of a publisher's. @param dueMs when it should have left: what is late here counts as latency */
  publish (publisher: number, dueMs: number, padding: string): void {
    const member = this.members[publisher]!
    if (member.isClosed) return
    this.published++
    const { name } = member.room
    const content = `{"at":${dueMs},"pad":"${padding}"}`
    const head = `"type":"message","id":${this.published},"room":"${name}"`
    member.socket.send(`{${head},"content":${content}}`)
  }

  /** Messages that members who are still there should have got, and have not. */
  get missing (): number {
    let missing = 0
    for (const { room, delivered, isClosed } of this.members) {
      if (!isClosed) missing += Math.max(0, room.acked - delivered)
    }
    return missing
  }

  /** Publishes that were neither acked nor refused. */
  get unanswered (): number {
    return this.published - this.acked - this.refused
  }

  /** Closes all, and waits for that, so that the gateway has room for the next; not for long. */
  async end (): Promise<void> {
    this.#isEnding = true
    const open = this.members.filter(({ isClosed }) => !isClosed)
    const closed = Promise.all(open.map(({ socket }) => new Promise((resolve) => { socket.on('close', resolve) })))
    for (const { socket } of open) socket.close(1000)
    await Promise.race([closed, delay(CLOSE_PATIENCE_MS, undefined, { ref: false })])
    for (const { socket } of open) socket.terminate()
  }

  async #open (index: number): Promise<void> {
    const room = this.#rooms[index % this.#rooms.length]!
    let member: Member | undefined
    let onJoined: (frame: Frame) => void = () => {}
    const opening = await open(this.#options.ws, {
      ...await this.#options.identityOf(index),
      onFrame: (text) => {
        const frame = readFrame(text)
        if (frame === undefined) return
        if (member === undefined) onJoined(frame)
        else this.#onFrame(member, frame)
      }
    })
    if (opening.outcome !== 'welcome') return this.#refuse(reasonOf(opening))
    const { socket, welcome } = opening
    const joined = await new Promise<Frame | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), JOIN_PATIENCE_MS)
      onJoined = (frame) => {
        if (frame.type !== 'joined' && frame.type !== 'error') return
        clearTimeout(timer)
        // From here on, in the same turn: the next frame may be a message.
        if (frame.type === 'joined') {
          member = { socket, room, replica: String(welcome['replica']), seq: Number(frame['seq'] ?? 0), delivered: 0, isClosed: false }
        }
        resolve(frame)
      }
      socket.on('close', () => resolve(undefined))
      socket.send(JSON.stringify({ type: 'join', room: room.name, id: 'join' }))
    })
    if (member === undefined) {
      socket.terminate()
      return this.#refuse(joined === undefined ? 'a join was not answered' : String(joined['message']))
    }
    this.#take(member)
  }

  #take (member: Member): void {
    this.members.push(member)
    member.room.members.push(member)
    member.socket.on('close', (code) => {
      member.isClosed = true
      if (this.#isEnding) return
      this.cut++
      this.#refuse(`closed with ${code}`)
    })
  }

  #onFrame (member: Member, frame: Frame): void {
    if (frame.type === 'message') {
      const { seq, content } = frame as Frame & { seq?: number, content?: { at?: number } }
      if (seq !== undefined && seq <= member.seq) {
        this.repeated++
        return
      }
      if (seq !== undefined) member.seq = seq
      member.delivered++
      this.delivered++
      this.latencyUs.record(Math.max(1, Math.round((performance.now() - (content?.at ?? 0)) * 1_000)))
    } else if (frame.type === 'ack') {
      this.acked++
      member.room.acked++
    } else if (frame.type === 'error') {
      this.refused++
      this.#refuse(String(frame['message']))
    }
  }

  #refuse (why: string): void {
    // As many reasons as the gateway has, and no more.
    if (this.refusals.size < 50 || this.refusals.has(why)) this.refusals.set(why, (this.refusals.get(why) ?? 0) + 1)
  }
}

function reasonOf (opening: Exclude<Opening, { outcome: 'welcome' }>): string {
  if (opening.outcome === 'refused') return `${opening.status} ${opening.message}`
  return opening.outcome === 'closed' ? `closed with ${opening.code}: ${opening.message}` : opening.message
}
