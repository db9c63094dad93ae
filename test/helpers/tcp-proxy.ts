import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Test } from 'tap'
import { isMessage, ReplySplitter } from './resp.ts'

type Protocol = 'redis' | 'any'
type Chunk = readonly [dueMs: number, bytes: Buffer]
interface Held { readonly sends: Array<() => void>, isReleased: boolean }

/** One direction of one connection: what comes is passed on, later or never. */
class Pipe {
  readonly #faults: TcpProxy
  readonly #to: Socket
  #waiting: Chunk[] = []
  #timer: NodeJS.Timeout | undefined

  constructor (faults: TcpProxy, to: Socket) {
    this.#faults = faults
    this.#to = to
  }

  push (bytes: Buffer): void {
    const { delayMs, bytesPerSecond } = this.#faults
    if (delayMs === 0 && bytesPerSecond === 0 && this.#waiting.length === 0) this.#to.write(bytes)
    else {
      const nowMs = performance.now()
      const afterMs = Math.max(nowMs, this.#waiting.at(-1)?.[0] ?? 0)
      const sendingMs = bytesPerSecond === 0 ? 0 : bytes.length * 1_000 / bytesPerSecond
      const dueMs = Math.max(nowMs + delayMs, afterMs + sendingMs)
      this.#waiting.push([dueMs, bytes])
      this.#schedule()
    }
  }

  close (): void {
    clearTimeout(this.#timer)
  }

  #schedule (): void {
    const [next] = this.#waiting
    if (next === undefined || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      const nowMs = performance.now()
      while (this.#waiting.length > 0 && this.#waiting[0]![0] <= nowMs + 1) this.#to.write(this.#waiting.shift()![1])
      this.#schedule()
    }, Math.max(0, next[0] - performance.now()))
  }
}

/**
 * A proxy in front of Redis, or of a gateway, whose connections a test can delay, hold back, narrow, mute or cut; in
 * front of Redis it also leaves out a reply, or what a subscriber should hear.
 */
export class TcpProxy {
  /** Of every chunk, each way; more than 0 delays it. */
  delayMs = 0
  /** Of every connection, each way; 0 for no bound. */
  bytesPerSecond = 0
  /** Where connections that are made from now on lead. */
  targetPort: number
  readonly #protocol: Protocol
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #muted = new WeakSet<Socket>()
  readonly #orphans = new Set<Socket>()
  readonly #deaf = new WeakSet<Socket>()
  #held: Held | undefined
  #heldText = ''
  #onHeld: () => void = () => {}
  #dropText: string | undefined
  #onDropped: () => void = () => {}
  port = 0

  /** Closed with the test. */
  static async start (test: Test, targetPort: number, protocol: Protocol = 'any'): Promise<TcpProxy> {
    const proxy = await TcpProxy.open(targetPort, protocol)
    test.teardown(() => proxy.close())
    return proxy
  }

  /** @param protocol what it needs to know to make a subscriber deaf */
  static async open (targetPort: number, protocol: Protocol = 'any'): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort, protocol)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    proxy.port = (proxy.#server.address() as { port: number }).port
    return proxy
  }

  private constructor (targetPort: number, protocol: Protocol) {
    this.targetPort = targetPort
    this.#protocol = protocol
    this.#server = createServer((client) => this.#join(client, connect(this.targetPort, '127.0.0.1')))
  }

  close (): void {
    this.#server.close()
    this.cut()
  }

  get connections (): number {
    return this.#sockets.size / 2
  }

  /** Ends all connections that there are; new ones are taken. */
  cut (): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** From the connections that there are nothing passes any more, either way, and no end is told: half-open. */
  mute (): void {
    for (const socket of this.#sockets) this.#muted.add(socket)
  }

  /** The subscribers among the connections that there are hear nothing any more; everything else is answered. */
  deafen (): void {
    for (const socket of this.#sockets) this.#deaf.add(socket)
  }

  /** Nothing is read from the connections that there are, so that the other side's buffers fill up; or it is again. */
  stall (isStalled: boolean): void {
    for (const socket of this.#sockets) {
      if (isStalled) socket.pause()
      else socket.resume()
    }
  }

  /**
   * From now on, what the client sends that holds this text waits, and all that follows it on its connection. Resolves
   * when something does.
   */
  hold (text: string): Promise<void> {
    this.#held = { sends: [], isReleased: false }
    this.#heldText = text.toLowerCase()
    return new Promise((resolve) => { this.#onHeld = resolve })
  }

  /** Lets go of everything that was held. */
  release (): void {
    const held = this.#held
    this.#held = undefined
    if (held === undefined) return
    held.isReleased = true
    for (const send of held.sends) send()
  }

  /**
   * The next request that holds this text is carried out, and its connection ends instead of bringing the reply.
   * Resolves when it has.
   */
  dropReply (text: string): Promise<void> {
    this.#dropText = text.toLowerCase()
    return new Promise((resolve) => { this.#onDropped = resolve })
  }

  /** No reply is waited for any more. */
  disarm (): void {
    this.#dropText = undefined
  }

  /** Ends what is left of muted connections whose other side has gone. */
  reap (): void {
    for (const socket of this.#orphans) socket.destroy()
    this.#orphans.clear()
  }

  #join (client: Socket, upstream: Socket): void {
    const up = new Pipe(this, upstream)
    const down = new Pipe(this, client)
    const replies = new ReplySplitter()
    let isLast = false
    let held: Held | undefined
    for (const [from, to] of [[client, upstream], [upstream, client]] as const) {
      this.#sockets.add(from)
      from.setNoDelay(true)
      from.on('close', () => {
        this.#sockets.delete(from)
        // The end of a muted connection is not told either: its other side finds out by itself.
        if (this.#muted.has(from)) this.#orphans.add(to)
        else to.destroy()
        up.close()
        down.close()
      })
      from.on('error', () => {})
    }
    client.on('data', (chunk: Buffer) => {
      if (this.#muted.has(client)) return
      const isPeeked = this.#held !== undefined || this.#dropText !== undefined
      const text = isPeeked ? String(chunk).toLowerCase() : ''
      if (this.#dropText !== undefined && text.includes(this.#dropText)) {
        this.#dropText = undefined
        isLast = true
      }
      if (held?.isReleased === false) held.sends.push(() => up.push(chunk))
      else if (this.#held !== undefined && text.includes(this.#heldText)) {
        held = this.#held
        held.sends.push(() => up.push(chunk))
        this.#onHeld()
      } else up.push(chunk)
    })
    upstream.on('data', (chunk: Buffer) => {
      if (this.#muted.has(upstream)) return
      if (isLast) {
        client.destroy()
        this.#onDropped()
        return
      }
      if (this.#protocol === 'any') return down.push(chunk)
      // Cut all the time, so that deafness begins and ends between two replies.
      const passed = replies.take(chunk).filter((reply) => !this.#deaf.has(upstream) || !isMessage(reply))
      if (passed.length > 0) down.push(Buffer.concat(passed))
    })
  }
}
