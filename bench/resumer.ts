import { WebSocket } from 'ws'

/** What a client that comes back with its cursor has seen of one room. */
export interface Seen {
  readonly messages: number
  readonly duplicates: number
  /** Messages that were skipped without a word. */
  readonly lost: number
  /** Messages with another cursor than somebody else got for the same number. */
  readonly forked: number
  readonly gaps: readonly string[]
  readonly resumes: number
  /** What else went against the protocol. */
  readonly faults: readonly string[]
}

/** What is asked of every message that comes. */
export interface Listener {
  /** @param isReplay whether it came after a resume, instead of live */
  onMessage (content: unknown, isReplay: boolean): void
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

/** The cursors that were seen of a room, by number: for everyone they must be the same. */
export type Cursors = Map<number, string>

/**
 * A member of one room that comes back with its cursor whenever its connection is cut, each time to the next address
 * that it is given, and keeps account of what it got.
 */
export class Resumer {
  readonly #room: string
  readonly #nextUrl: () => string
  readonly #listener: Listener
  readonly #cursors: Cursors
  #socket: WebSocket | undefined
  #timer: NodeJS.Timeout | undefined
  #cursor: string | undefined
  #seq: number | undefined
  #replay = 0
  #isClosed = false
  #onJoined: () => void = () => {}
  #isJoined = false
  #messages = 0
  #duplicates = 0
  #lost = 0
  #forked = 0
  #resumes = 0
  readonly #gaps: string[] = []
  readonly #faults: string[] = []

  constructor (room: string, nextUrl: () => string, listener: Listener, cursors: Cursors) {
    this.#room = room
    this.#nextUrl = nextUrl
    this.#listener = listener
    this.#cursors = cursors
  }

  /** Connects for the first time; resolves when it has joined. */
  async start (): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onJoined = resolve
      this.#connect()
    })
  }

  get isJoined (): boolean {
    return this.#isJoined
  }

  /** The number of the newest message it has got, or of where it joined. */
  get seq (): number | undefined {
    return this.#seq
  }

  get seen (): Seen {
    return {
      messages: this.#messages,
      duplicates: this.#duplicates,
      lost: this.#lost,
      forked: this.#forked,
      gaps: this.#gaps,
      resumes: this.#resumes,
      faults: this.#faults
    }
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
    this.#isJoined = false
    this.#socket?.removeAllListeners('message')
    this.#socket?.removeAllListeners('close')
    this.#socket?.terminate()
    this.#socket = undefined
  }

  #connect (): void {
    const socket = new WebSocket(this.#nextUrl(), { perMessageDeflate: false })
    this.#socket = socket
    socket.on('open', () => socket.send(JSON.stringify({ type: 'join', room: this.#room, since: this.#cursor })))
    socket.on('message', (data: Buffer) => this.#take(JSON.parse(String(data)) as Frame))
    // A close follows.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#drop()
      if (!this.#isClosed) this.#timer = setTimeout(() => this.#connect(), RETRY_MS * (1 + Math.random()))
    })
  }

  #take (frame: Frame): void {
    switch (frame.type) {
      case 'joined': return this.#joined(frame)
      case 'message': return this.#message(frame)
      case 'gap': return this.#gap(frame)
      case 'error':
        this.#faults.push(`error ${frame.reason}: ${frame.message}`)
        this.#socket?.close()
    }
  }

  #joined ({ seq = NaN, cursor, replay = 0, recovered }: Frame): void {
    if (this.#cursor === undefined) {
      this.#seq = seq - replay
      if (replay === 0) this.#cursor = cursor
    } else {
      this.#resumes++
      if (recovered === true && seq - replay !== this.#seq) {
        this.#faults.push(`joined at ${seq} with ${replay} to replay, from ${this.#seq}`)
      }
    }
    this.#replay = replay
    this.#isJoined = true
    this.#onJoined()
  }

  #gap ({ reason = '', seq, cursor }: Frame): void {
    this.#gaps.push(reason)
    this.#seq = seq! - this.#replay
    this.#cursor = cursor
  }

  #message ({ seq = NaN, cursor = '', content }: Frame): void {
    if (!this.#isJoined) this.#faults.push(`message ${seq} before joined`)
    const expected = this.#seq! + 1
    if (seq < expected) {
      this.#duplicates++
      return
    }
    this.#lost += seq - expected
    this.#seq = seq
    this.#cursor = cursor
    this.#messages++
    const known = this.#cursors.get(seq)
    if (known === undefined) this.#cursors.set(seq, cursor)
    else if (known !== cursor) this.#forked++
    const isReplay = this.#replay > 0
    if (isReplay) this.#replay--
    this.#listener.onMessage(content, isReplay)
  }
}
