import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { Ledger } from './ledger.ts'

interface Answer {
  readonly type: string
  readonly id?: number
  readonly cursor?: string
  readonly seq?: number
  readonly reason?: string
  readonly message?: string
}

interface PublisherOptions {
  readonly name: string
  readonly room: string
  readonly nextUrl: () => string
  readonly ledger: Ledger
}

const RETRY_MS = 100
const ANSWER_MS = 6_000

/**
 * Publishes one message after the other, each with a key: what was not answered, or with an unknown outcome, is sent
 * again until it is certain what became of it. The ledger is told.
 */
export class Publisher {
  readonly #options: PublisherOptions
  /** How often each answer came. */
  readonly answers = new Map<string, number>()
  /** The longest time from a request to its answer, where the connection lived. Milliseconds. */
  slowestMs = 0
  /** The newest message that was acked. */
  acked: { readonly seq: number, readonly cursor: string, readonly sentMs: number } | undefined
  #socket: WebSocket | undefined
  #onAnswer: (answer: Answer | undefined) => void = () => {}
  #lastId = 0
  #count = 0
  #isStopped = false
  #run: Promise<void> = Promise.resolve()

  constructor (options: PublisherOptions) {
    this.#options = options
  }

  /** How many messages were acked. */
  get published (): number {
    return this.answers.get('ack') ?? 0
  }

  /** So that the first message does not wait for it; where it fails, the first message tries again. */
  async join (): Promise<void> {
    await this.#connect()
  }

  start (messagesPerSecond: number): void {
    this.#isStopped = false
    this.#run = this.#publishAll(messagesPerSecond)
  }

  /** Resolves when what is under way is certain. */
  async stop (): Promise<void> {
    this.#isStopped = true
    await this.#run
  }

  close (): void {
    this.#socket?.terminate()
  }

  async #publishAll (messagesPerSecond: number): Promise<void> {
    const startMs = performance.now()
    for (let count = 0; !this.#isStopped; count++) {
      const waitMs = startMs + count * 1_000 / messagesPerSecond - performance.now()
      if (waitMs > 0) await delay(waitMs)
      if (!this.#isStopped) await this.#publish()
    }
  }

  async #publish (): Promise<void> {
    const { name, room, ledger } = this.#options
    const content = { publisher: name, n: ++this.#count, sentMs: performance.now() }
    ledger.sent(content)
    let isCertain = true
    for (;;) {
      const answer = await this.#ask({ type: 'message', room, content, key: String(content.n) })
      const outcome = answer?.reason ?? answer?.type ?? 'no answer'
      this.answers.set(outcome, (this.answers.get(outcome) ?? 0) + 1)
      if (answer?.type === 'ack') {
        this.acked = { seq: answer.seq!, cursor: answer.cursor!, sentMs: content.sentMs }
        ledger.acked(content, answer.cursor!)
        return
      }
      if (outcome === 'unavailable' && isCertain) {
        ledger.refused(content)
        return
      }
      if (outcome !== 'unavailable') isCertain = false
      await delay(RETRY_MS)
    }
  }

  /** Undefined where the connection broke before the answer, or could not be had. */
  async #ask (request: object): Promise<Answer | undefined> {
    if (this.#socket?.readyState !== WebSocket.OPEN && !await this.#connect()) return undefined
    const startMs = performance.now()
    const answer = await this.#send(request)
    if (answer !== undefined) this.slowestMs = Math.max(this.slowestMs, performance.now() - startMs)
    return answer
  }

  async #send (request: object): Promise<Answer | undefined> {
    const id = ++this.#lastId
    this.#socket!.send(JSON.stringify({ ...request, id }))
    return await new Promise<Answer | undefined>((resolve) => {
      const timer = setTimeout(() => {
        // Frozen: somebody else may know.
        this.slowestMs = Math.max(this.slowestMs, ANSWER_MS)
        this.#socket?.terminate()
        resolve(undefined)
      }, ANSWER_MS)
      this.#onAnswer = (answer) => {
        if (answer !== undefined && answer.id !== id) return
        clearTimeout(timer)
        resolve(answer)
      }
    })
  }

  /** True where it is a member. */
  async #connect (): Promise<boolean> {
    const { name, room, nextUrl } = this.#options
    const socket = new WebSocket(`${nextUrl()}?user=${name}`, { perMessageDeflate: false, handshakeTimeout: ANSWER_MS })
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('close', () => { if (this.#socket === socket) this.#onAnswer(undefined) })
    socket.on('message', (data: Buffer) => {
      const text = String(data)
      // Those of the room are many, and none of them is an answer.
      if (!text.startsWith('{"type":"message"')) this.#onAnswer(JSON.parse(text) as Answer)
    })
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('open', () => resolve(true))
      socket.once('close', () => resolve(false))
    })
    if (isOpen && (await this.#send({ type: 'join', room }))?.type === 'joined') return true
    // No member may publish: the next try begins anew.
    socket.terminate()
    return false
  }
}
