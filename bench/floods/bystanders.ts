import { setTimeout as delay } from 'node:timers/promises'
import { Client } from '../../cluster/client.ts'

/** As fast as a connection may publish by default. */
const EVERY_MS = 55
const ROOM = 'square'

/** Clients that mean well, and how long their acks take. */
export class Bystanders {
  readonly #clients: readonly Client[]

  static async join (ws: string, count: number): Promise<Bystanders> {
    const clients = Array.from({ length: count }, () => new Client(`${ws}?join=${ROOM}`))
    await Promise.all(clients.map((client) => client.next('joined')))
    return new Bystanders(clients)
  }

  private constructor (clients: readonly Client[]) {
    this.#clients = clients
  }

  /** The time of every ack, in milliseconds, of messages that were sent until then; rejects where one is refused. */
  async during (until: Promise<unknown>): Promise<number[]> {
    const over = new AbortController()
    until.then(() => over.abort(), () => over.abort())
    const tookMs: number[] = []
    const begunMs = performance.now()
    await Promise.all(this.#clients.map(async (client, index) => {
      // Each at times of its own: clients of one process that only wait for so long ask all in the same moment before
      // long, and one that is bad for one of them is bad for all.
      let dueMs = begunMs + EVERY_MS * index / this.#clients.length
      for (;;) {
        await delay(Math.max(0, dueMs - performance.now()))
        if (over.signal.aborted) return
        const sentMs = performance.now()
        const { type, reason } = await client.ask({ type: 'message', room: ROOM, content: 'still here', echo: false })
        if (type !== 'ack') throw new Error(`others are refused: ${reason ?? type}`)
        tookMs.push(performance.now() - sentMs)
        client.frames.length = 0
        client.texts.length = 0
        // Turns that were missed are left out.
        do dueMs += EVERY_MS
        while (dueMs <= performance.now())
      }
    }))
    return tookMs
  }

  leave (): void {
    for (const { socket } of this.#clients) socket.terminate()
  }
}
