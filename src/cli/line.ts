import type { WebSocket } from 'ws'
import { type Frame, open, type OpenOptions, type Opening, readFrame } from './socket.ts'

const PATIENCE_MS = 5_000

interface Waiting { readonly matches: (frame: Frame) => boolean, readonly settle: (frame: Frame | undefined) => void }

/** A connection on which single requests are asked, as the doctor does: no resuming, nothing kept. */
export class Line {
  readonly welcome: Frame
  readonly cookie: string | undefined
  readonly #socket: WebSocket
  readonly #waiting = new Set<Waiting>()
  #nextId = 1

  /** The line, or why there is none. */
  static async open (ws: string, options: OpenOptions): Promise<Line | Exclude<Opening, { outcome: 'welcome' }>> {
    const listener: { onFrame: (text: string) => void } = { onFrame: () => {} }
    const opening = await open(ws, { ...options, onFrame: (text) => listener.onFrame(text) })
    if (opening.outcome !== 'welcome') return opening
    const opened = new Line(opening)
    listener.onFrame = (text) => opened.#onFrame(text)
    return opened
  }

  private constructor ({ socket, welcome, headers }: Extract<Opening, { outcome: 'welcome' }>) {
    this.#socket = socket
    this.welcome = welcome
    this.cookie = headers['set-cookie']?.map((each) => each.split(';', 1)[0]).join('; ')
    socket.on('close', () => { for (const { settle } of this.#waiting) settle(undefined) })
  }

  get replica (): string {
    return String(this.welcome['replica'])
  }

  /** The reply; undefined where none comes in time. */
  async ask (request: object): Promise<Frame | undefined> {
    const id = this.#nextId++
    const reply = this.next((frame) => frame['id'] === id)
    this.#socket.send(JSON.stringify({ ...request, id }))
    return await reply
  }

  /** The next frame that matches; undefined where none comes in time. */
  async next (matches: (frame: Frame) => boolean, timeoutMs = PATIENCE_MS): Promise<Frame | undefined> {
    return await new Promise((resolve) => {
      const waiting: Waiting = {
        matches,
        settle: (frame) => {
          clearTimeout(timer)
          this.#waiting.delete(waiting)
          resolve(frame)
        }
      }
      const timer = setTimeout(() => waiting.settle(undefined), timeoutMs)
      this.#waiting.add(waiting)
    })
  }

  end (): void {
    this.#socket.close(1000)
  }

  #onFrame (text: string): void {
    const frame = readFrame(text)
    if (frame === undefined) return
    for (const { matches, settle } of this.#waiting) if (matches(frame)) settle(frame)
  }
}
