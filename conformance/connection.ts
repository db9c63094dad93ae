import { once } from 'node:events'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { Until } from '../cluster/until.ts'
import { pieces, pong } from './client-frames.ts'
import { type Arrival, ServerFrames } from './server-frames.ts'
import { type Address, faultOf, type HttpAnswer, parseHead, type UpgradeChange, upgradeRequest } from './upgrade.ts'

const MAX_REFUSAL_CHARS = 65_536

/** One connection from a raw socket, which does nothing by itself but to answer pings. */
export class Connection {
  /** But for the server's own pings. */
  readonly arrivals: Arrival[] = []
  answer: HttpAnswer | undefined
  /** What came behind an answer that refuses, as far as it has come. */
  refusal = ''
  hasEnded = false
  /** A read or a write failed: what had come, and was not read yet, is thrown away by Node. */
  wasReset = false
  readonly #socket: Socket
  readonly #frames = new ServerFrames()
  readonly #until = new Until()
  #head = Buffer.alloc(0)
  #upgrade: { readonly key: string, readonly change: UpgradeChange | undefined } | undefined

  /** @throws where nobody listens there */
  static async open ({ url }: Address): Promise<Connection> {
    const isSecure = url.protocol === 'wss:'
    // Brackets around an address of IPv6 are the URL's, not the address's.
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const port = Number(url.port || (isSecure ? 443 : 80))
    const socket = isSecure ? connectTls({ host, port, servername: isIP(host) === 0 ? host : '' }) : connectTcp({ host, port })
    await once(socket, isSecure ? 'secureConnect' : 'connect')
    return new Connection(socket)
  }

  private constructor (socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      this.#read(chunk)
      this.#until.changed()
    })
    // A reset is an end like any other: what was read before it counts.
    socket.on('error', () => { this.wasReset = true })
    socket.on('close', () => this.#ended())
    socket.on('end', () => this.#ended())
  }

  /** Sends the upgrade, and more in the same bytes. */
  async begin (
    address: Address, change: UpgradeChange | undefined, more: Uint8Array, chopBytes?: number
  ): Promise<void> {
    const { head, key } = upgradeRequest(address, change)
    this.#upgrade = { key, change }
    await this.write(Buffer.concat([head, more]), chopBytes)
  }

  /**
   * Each piece is a write of its own, and the kernel has it before the next. Between two of them what has come is read:
   * one that fails, because the other side has closed, would throw it away.
   */
  async write (bytes: Uint8Array, chopBytes?: number): Promise<void> {
    for (const piece of chopBytes === undefined ? [bytes] : pieces(bytes, chopBytes)) {
      if (!this.#socket.writable) return
      await new Promise<void>((resolve) => { this.#socket.write(piece, () => resolve()) })
      // One turn may be over before the loop has looked for what can be read.
      await nextTurn()
      await nextTurn()
    }
  }

  /** This side has nothing more to say; it still listens. */
  finish (): void {
    this.#socket.end()
  }

  destroy (): void {
    this.#socket.destroy()
  }

  /** @throws where the condition does not come true in time */
  async until (what: string, condition: () => boolean, timeoutMs: number): Promise<void> {
    await this.#until.true(what, condition, timeoutMs)
  }

  #read (chunk: Buffer): void {
    if (this.answer !== undefined) {
      this.#readOn(chunk)
      return
    }
    this.#head = Buffer.concat([this.#head, chunk])
    const head = parseHead(this.#head)
    if (head === undefined) return
    this.answer = head.answer
    const { key, change } = this.#upgrade!
    const fault = head.answer.status === 101 ? faultOf(head.answer, key, change) : undefined
    if (fault !== undefined) this.arrivals.push({ kind: 'fault', fault: `the answer to the upgrade: ${fault}` })
    this.#readOn(this.#head.subarray(head.length))
  }

  #readOn (chunk: Buffer): void {
    if (this.answer!.status === 101) this.#readFrames(chunk)
    else if (this.refusal.length < MAX_REFUSAL_CHARS) this.refusal += chunk.toString('latin1')
  }

  #readFrames (chunk: Buffer): void {
    for (const arrival of this.#frames.push(chunk)) {
      if (arrival.kind !== 'ping') this.arrivals.push(arrival)
      else if (this.#socket.writable) this.#socket.write(pong(arrival.payload))
    }
  }

  #ended (): void {
    if (this.hasEnded) return
    this.hasEnded = true
    const fault = this.#frames.end()
    if (fault !== undefined) this.arrivals.push({ kind: 'fault', fault })
    this.#until.changed()
  }
}
