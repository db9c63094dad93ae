import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Test } from 'tap'
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
  /** The frames that no call below has taken yet, in order; and their texts. */
  readonly frames: Frame[] = []
  readonly texts: string[] = []
  readonly closed: Promise<Closed>
  readonly #until = new Until()
  #nextId = 1

  constructor (url: string, options?: ClientOptions) {
    this.socket = new WebSocket(url, options)
    this.socket.on('message', (data: Buffer) => {
      this.texts.push(data.toString())
      this.frames.push(JSON.parse(data.toString()) as Frame)
      this.#until.changed()
    })
    this.closed = once(this.socket, 'close').then(([code, reason]) => ({ code, reason: String(reason) }))
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

/** Connects, takes the welcome, and closes with the test. */
export async function connect (test: Test, url: string, options?: ClientOptions): Promise<Client & { welcome: Frame }> {
  const client = new Client(url, options)
  test.teardown(() => client.socket.terminate())
  const welcome = await client.next('welcome')
  return Object.assign(client, { welcome })
}

export interface Refused {
  readonly status: number
  readonly body: Frame
  readonly retryAfter: string | undefined
}

/** The answer to an upgrade that is refused. */
export async function refused (url: string, options?: ClientOptions): Promise<Refused> {
  const socket = new WebSocket(url, options)
  // 'unexpected-response' hands over the socket, and 'error' does not come.
  const [, response] = await once(socket, 'unexpected-response') as [unknown, IncomingMessage]
  let text = ''
  for await (const chunk of response) text += chunk
  return { status: response.statusCode!, body: JSON.parse(text) as Frame, retryAfter: response.headers['retry-after'] }
}

/** Whether a connection is taken now; it is ended at once. */
export async function isLetIn (url: string): Promise<boolean> {
  const socket = new WebSocket(url)
  return await new Promise((resolve) => {
    socket.on('open', () => {
      socket.terminate()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
