import { type ClientOptions, WebSocket } from 'ws'
import { Until } from './until.ts'

/** A frame from the gateway, as a client sees it. */
export interface Frame {
  readonly type: string
  readonly id?: number | string
  readonly room?: string
  readonly seq?: number
  readonly cursor?: string
  readonly content?: unknown
  readonly position?: number
  readonly reason?: string
  readonly code?: number
  readonly message?: string
  readonly [field: string]: unknown
}

export interface Closed { readonly code: number, readonly reason: string }

/** A client with a bare WebSocket: every frame is kept from the first on, and none can be missed. */
export class Client {
  readonly socket: WebSocket
  /** All that has come. */
  readonly texts: string[] = []
  /** The frames that no call below has taken yet, in order, */
  readonly frames: Frame[] = []
  /** but those that tell who came and went: whoever connects makes some. */
  readonly presence: Frame[] = []
  readonly closed: Promise<Closed>
  readonly #until = new Until()
  #nextId = 1

  constructor (url: string, options?: ClientOptions) {
    this.socket = new WebSocket(url, options)
    this.socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as Frame
      this.texts.push(data.toString())
      if (frame.type === 'system') this.presence.push(frame)
      else this.frames.push(frame)
      this.#until.changed()
    })
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
    })
    // A close follows each.
    this.socket.on('error', () => {})
  }

  /** Sends one request: an object, or text as it stands. */
  send (request: object | string): void {
    this.socket.send(typeof request === 'string' ? request : JSON.stringify(request))
  }

  /** Sends a request with an id, and takes its one reply. */
  async ask (request: object): Promise<Frame> {
    const id = this.#nextId++
    this.send({ ...request, id })
    return await this.take((frame) => frame.id === id, `the reply to ${JSON.stringify(request)}`)
  }

  /** Takes the next frame of a type (and leaves the others where they are). */
  async next (type: string): Promise<Frame> {
    return await this.take((frame) => frame.type === type, `a frame of type ${type}`)
  }

  async take (matches: (frame: Frame) => boolean, what: string): Promise<Frame> {
    await this.#until.true(what, () => this.frames.some(matches))
    const [frame] = this.frames.splice(this.frames.findIndex(matches), 1)
    return frame!
  }

  /** Waits for a condition over all that has come. */
  async until (what: string, condition: () => boolean, timeoutMs?: number): Promise<void> {
    await this.#until.true(what, condition, timeoutMs)
  }

  /** Everything the gateway had to say to what was sent before this: replies come in order. */
  async settle (): Promise<Frame[]> {
    await this.ask({ type: 'ping' })
    return this.frames.splice(0)
  }
}
