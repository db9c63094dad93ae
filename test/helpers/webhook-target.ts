import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import type { Test } from 'tap'
import { Until } from '../../cluster/until.ts'

export const WEBHOOK_SECRET = `whsec_${Buffer.from('a secret of thirty-two bytes, ok').toString('base64')}`

export interface ToldEvent {
  readonly id: string
  readonly type: string
  readonly room: string
  readonly user?: string
  readonly info?: unknown
  readonly count?: number
  readonly timestamp: string
}
interface Delivery {
  readonly id: string
  readonly events: readonly ToldEvent[]
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly atMs: number
}

export type Answer = (response: ServerResponse, request: IncomingMessage) => void

export const take: Answer = (response) => response.writeHead(204).end()

/** A server that webhooks are sent to, which verifies each as any receiver would, and answers as it is told. */
export class WebhookTarget {
  /** Every POST that came, whatever was answered. */
  readonly deliveries: Delivery[] = []
  /** Those that a 2xx was sent for, of each id once. */
  readonly taken: ToldEvent[] = []
  /** What could not be verified. */
  readonly bad: string[] = []
  answer: Answer = take
  port = 0
  /** Connections that are open, and the most that ever were. */
  open = 0
  mostOpen = 0
  readonly until = new Until()
  readonly #server: Server
  readonly #ids = new Set<string>()
  readonly #scheme: string

  private constructor (tls?: { readonly key: string, readonly cert: string }) {
    const listener: RequestListener = (request, response) => { void this.#receive(request, response) }
    this.#scheme = tls === undefined ? 'http' : 'https'
    this.#server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
    this.#server.on('connection', (socket) => {
      this.mostOpen = Math.max(this.mostOpen, ++this.open)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.open--
        this.until.changed()
      })
    })
  }

  static async start (test: Test, tls?: { readonly key: string, readonly cert: string }): Promise<WebhookTarget> {
    const target = new WebhookTarget(tls)
    await target.listen()
    test.teardown(() => target.stop())
    return target
  }

  get url (): string {
    return `${this.#scheme}://127.0.0.1:${this.port}/hook?key=sesame`
  }

  /** The settings of a gateway that tells it, quickly. */
  get settings (): Record<string, string> {
    return {
      WEBHOOK_URL: this.url, WEBHOOK_SECRET, WEBHOOK_BATCH_MS: '20', WEBHOOK_RETRY_MS: '200', WEBHOOK_TIMEOUT_MS: '1000'
    }
  }

  async listen (): Promise<void> {
    this.#server.listen(this.port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.port = (this.#server.address() as AddressInfo).port
  }

  async stop (): Promise<void> {
    if (!this.#server.listening) return
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  /** As `type room user`, in the order in which they were taken. */
  get told (): string[] {
    return this.taken.map(({ type, room, user }) => [type, room, user].filter(Boolean).join(' '))
  }

  async hears (...told: readonly string[]): Promise<void> {
    await this.until.true(`told of ${told.join(', ')}`, () => told.every((text) => this.told.includes(text)), 20_000)
  }

  async #receive (request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    request.on('error', () => {})
    response.on('error', () => {})
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer)
    } catch {
      return
    }
    const body = Buffer.concat(chunks).toString()
    try {
      const { events } = new Webhook(WEBHOOK_SECRET).verify(body, request.headers as Record<string, string>) as Delivery
      const { headers } = request
      this.deliveries.push({ id: String(headers['webhook-id']), events, headers, body, atMs: performance.now() })
      this.answer(response, request)
      if (response.headersSent && response.statusCode < 300) this.#take(events)
    } catch (error) {
      this.bad.push(`${String(error)}: ${body}`)
      response.writeHead(401).end()
    }
    this.until.changed()
  }

  #take (events: readonly ToldEvent[]): void {
    for (const event of events) {
      if (!this.#ids.has(event.id)) this.taken.push(event)
      this.#ids.add(event.id)
    }
  }
}
