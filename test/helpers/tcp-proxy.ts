import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A proxy between a gateway and Redis, whose connections a test can hold back. */
export class TcpProxy {
  readonly #sockets = new Set<Socket>()
  #held: Array<() => void> | undefined
  #heldText = ''
  #onHeld: () => void = () => {}
  port = 0

  static async start (test: Test, targetPort: number): Promise<TcpProxy> {
    const proxy = new TcpProxy()
    const server = createServer((client) => {
      const upstream = connect(targetPort, '127.0.0.1')
      proxy.#join(client, upstream)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    proxy.port = (server.address() as { port: number }).port
    test.teardown(() => {
      server.close()
      for (const socket of proxy.#sockets) socket.destroy()
    })
    return proxy
  }

  /** From now on, what the gateway sends that holds this text waits. Resolves when something does. */
  hold (text: string): Promise<void> {
    this.#held = []
    this.#heldText = text.toLowerCase()
    return new Promise((resolve) => { this.#onHeld = resolve })
  }

  /** Lets go of everything that was held. */
  release (): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const send of held) send()
  }

  #join (client: Socket, upstream: Socket): void {
    for (const [from, to] of [[client, upstream], [upstream, client]] as const) {
      this.#sockets.add(from)
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
      from.on('error', () => {})
    }
    upstream.on('data', (chunk) => client.write(chunk))
    client.on('data', (chunk) => {
      if (this.#held !== undefined && String(chunk).toLowerCase().includes(this.#heldText)) {
        this.#held.push(() => upstream.write(chunk))
        this.#onHeld()
      } else upstream.write(chunk)
    })
  }
}
