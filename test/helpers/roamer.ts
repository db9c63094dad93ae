import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { Client, type Closed, type Frame } from '../../cluster/client.ts'

export interface Goodbye {
  readonly replica: string
  /** The slot that it was given, and when it was connected anew, both since the goodbye. */
  readonly afterMs: number
  readonly backMs: number
  readonly close: Closed
}

/**
 * A member of one room that does as docs/protocol.md asks: at its slot it connects anew, with its cookie, and joins;
 * the old connection it keeps until the gateway closes that, or, where there was no goodbye, it comes back at once.
 */
export class Roamer {
  /** The numbers of the messages that came, over all its connections. */
  readonly seqs = new Set<number>()
  readonly goodbyes: Goodbye[] = []
  /** Ends without a goodbye. */
  readonly losses: Array<Closed & { readonly backMs: number, readonly replica: string }> = []
  /** Who it was told had left the room, over all its connections. */
  readonly left: string[] = []
  readonly user: string
  replica = ''
  readonly #url: string
  readonly #room: string
  #cookie = ''
  #client: Client | undefined
  readonly #leaving = new AbortController()

  static async start (test: Test, url: string, room: string, user: string): Promise<Roamer> {
    const roamer = new Roamer(url, room, user)
    test.teardown(() => roamer.leave())
    await roamer.#connect()
    return roamer
  }

  private constructor (url: string, room: string, user: string) {
    this.#url = url
    this.#room = room
    this.user = user
  }

  async publish (content: unknown): Promise<void> {
    // Straight after a loss there may be no connection; then there is nothing to say.
    if (this.#client?.socket.readyState === WebSocket.OPEN) this.#client.send({ type: 'message', room: this.#room, content })
  }

  leave (): void {
    this.#leaving.abort()
    this.#client?.socket.terminate()
  }

  async #connect (): Promise<void> {
    const client = new Client(`${this.#url}?user=${this.user}&join=${this.#room}&history=50`, {
      headers: this.#cookie === '' ? {} : { cookie: this.#cookie }
    })
    this.#client = client
    const [[answer], welcome] = await Promise.all([
      once(client.socket, 'upgrade') as Promise<[IncomingMessage]>, client.next('welcome')
    ])
    // There is none where there is no proxy.
    this.#cookie ||= answer.headers['set-cookie']?.[0]?.split(';')[0] ?? ''
    this.replica = String(welcome['replica'])
    await client.next('joined')
    this.#follow(client, this.replica).catch((error: unknown) => {
      if (!this.#leaving.signal.aborted) throw error
    })
  }

  /** Until this connection ends. */
  async #follow (client: Client, replica: string): Promise<void> {
    let told: { afterMs: number, back: Promise<number> } | undefined
    client.socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(String(data)) as Frame & { afterMs?: number, user?: string }
      if (frame.event === 'leave') this.left.push(frame.user!)
      if (frame.type === 'message') this.seqs.add(frame.seq!)
      if (frame.type === 'goodbye') {
        told = { afterMs: frame.afterMs!, back: this.#comeBack(frame.afterMs!) }
        told.back.catch(() => {})
      }
    })
    // What came before we listened.
    for (const { type, seq } of client.frames) if (type === 'message') this.seqs.add(seq!)
    for (const { event, user } of client.presence) if (event === 'leave') this.left.push(user as string)
    const close = await client.closed
    if (told !== undefined) this.goodbyes.push({ replica, afterMs: told.afterMs, backMs: await told.back, close })
    else this.losses.push({ ...close, replica, backMs: await this.#comeBack(0) })
  }

  async #comeBack (afterMs: number): Promise<number> {
    const startMs = performance.now()
    await delay(afterMs, undefined, { signal: this.#leaving.signal })
    await this.#connect()
    return performance.now() - startMs
  }
}
