import { WebSocket } from 'ws'
import type { Content, Ledger } from './ledger.ts'

interface ResumerOptions {
  readonly name: string
  readonly room: string
  /** Where to connect: asked each time. */
  readonly nextUrl: () => string
  readonly ledger: Ledger
  /** Of each message that came; `isReplay` where it came after a resume, instead of live. */
  readonly onMessage?: (content: Content & { readonly sentMs: number }, isReplay: boolean) => void
}

interface Frame {
  readonly type: string
  readonly room?: string
  readonly seq?: number
  readonly cursor?: string
  readonly content?: unknown
  readonly replay?: number
  readonly recovered?: boolean
  readonly reason?: string
  readonly message?: string
}

const RETRY_MS = 250
// Nothing at all for so long, pings included, and the connection counts as dead: the gateways of a run ping this often.
const SILENCE_MS = 6_000

/** A member of one room that comes back with its cursor whenever a connection ends. The ledger is told all it hears. */
export class Resumer {
  readonly name: string
  /** How often it came back with a cursor; and of what else went wrong, what. */
  resumes = 0
  readonly errors: string[] = []
  /** When the newest message that it has got was sent. */
  newestSentMs = 0
  /** From the last thing that it heard on a connection until it had joined on the next. Milliseconds. */
  readonly silencesMs: number[] = []
  readonly #options: ResumerOptions
  #socket: WebSocket | undefined
  #timer: NodeJS.Timeout | undefined
  #silence: NodeJS.Timeout | undefined
  #cursor: string | undefined
  #seq = -1
  #replay = 0
  #heardMs = 0
  #lostMs: number | undefined
  #isClosed = false
  #isJoined = false
  #onJoined: () => void = () => {}

  constructor (options: ResumerOptions) {
    this.name = options.name
    this.#options = options
  }

  /** Connects for the first time; resolves when it has joined. */
  async start (): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onJoined = resolve
      this.#connect()
    })
  }

  /** The number of the newest message that it has got, or of where it joined. */
  get seq (): number {
    return this.#seq
  }

  get cursor (): string | undefined {
    return this.#cursor
  }

  get isJoined (): boolean {
    return this.#isJoined
  }

  /** Breaks the connection without a goodbye, and comes back after a while. False where there is none. */
  cut (offlineMs: number): boolean {
    if (!this.#isJoined) return false
    this.#drop()
    this.#timer = setTimeout(() => this.#connect(), offlineMs)
    return true
  }

  close (): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#drop()
  }

  #drop (): void {
    if (this.#isJoined) {
      this.#options.ledger.left(this.name)
      this.#lostMs = this.#heardMs
    }
    this.#isJoined = false
    clearTimeout(this.#silence)
    this.#socket?.removeAllListeners('message')
    this.#socket?.removeAllListeners('close')
    this.#socket?.terminate()
    this.#socket = undefined
  }

  #lose (): void {
    this.#drop()
    if (!this.#isClosed) this.#timer = setTimeout(() => this.#connect(), RETRY_MS * Math.random())
  }

  #connect (): void {
    const { room, nextUrl } = this.#options
    const socket = new WebSocket(nextUrl(), { perMessageDeflate: false, handshakeTimeout: SILENCE_MS })
    this.#socket = socket
    socket.on('open', () => socket.send(JSON.stringify({ type: 'join', room, since: this.#cursor })))
    socket.on('message', (data: Buffer) => {
      this.#heard()
      this.#take(JSON.parse(String(data)) as Frame)
    })
    socket.on('ping', () => this.#heard())
    // A close follows.
    socket.on('error', () => {})
    socket.on('close', () => this.#lose())
    this.#heard()
  }

  #heard (): void {
    this.#heardMs = performance.now()
    clearTimeout(this.#silence)
    this.#silence = setTimeout(() => this.#lose(), SILENCE_MS)
  }

  #take (frame: Frame): void {
    if (frame.room !== this.#options.room) return
    switch (frame.type) {
      case 'joined': return this.#joined(frame)
      case 'message': return this.#message(frame)
      case 'gap': return this.#gap(frame)
      case 'error':
        if (frame.reason !== 'unavailable') this.errors.push(`${this.name}: ${frame.reason}: ${frame.message}`)
        this.#lose()
    }
  }

  #joined ({ seq = NaN, cursor = '', replay = 0, recovered }: Frame): void {
    this.#options.ledger.joined(this.name, { seq, cursor, replay, recovered })
    if (this.#cursor !== undefined) this.resumes++
    if (this.#cursor === undefined && replay === 0) {
      this.#cursor = cursor
      this.#seq = seq
    }
    this.#replay = replay
    this.#isJoined = true
    if (this.#lostMs !== undefined) this.silencesMs.push(performance.now() - this.#lostMs)
    this.#lostMs = undefined
    this.#onJoined()
  }

  #gap ({ reason = '', seq = NaN, cursor = '' }: Frame): void {
    this.#options.ledger.gap(this.name, reason, { seq, cursor })
    this.#seq = seq - this.#replay
    this.#cursor = cursor
  }

  #message ({ seq = NaN, cursor = '', content }: Frame): void {
    const sent = content as Content & { readonly sentMs: number }
    this.newestSentMs = Math.max(this.newestSentMs, sent.sentMs)
    const isReplay = this.#options.ledger.message(this.name, { seq, cursor }, sent)
    if (this.#replay > 0) this.#replay--
    this.#seq = seq
    this.#cursor = cursor
    this.#options.onMessage?.(sent, isReplay)
  }
}
