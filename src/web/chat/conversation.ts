import { signal } from '@preact/signals'
import { type Client, type Message, type Receipt, type Room, TidegateError, type Unsubscribe } from '../../client/index.ts'
import { oncePerFrame } from '../shared/frame-batch.ts'
import { user } from '../shared/link.ts'
import { uniqueKey } from './key.ts'
import { holeText, type Line, Lines, MAX_LINES, saidOf } from './lines.ts'
import { type Outgoing, Outbox } from './outgoing.ts'
import { Present } from './present.ts'
import { isTyping, Typing } from './typing.ts'

export const HISTORY = 50

/** Whether there is more of the past: `unknown` until the room is joined. */
type Past = 'unknown' | 'more' | 'loading' | 'failed' | 'all'

/** A room as this page has it: what was said, who is there, what is under way. Survives a change of the client. */
export class Conversation {
  readonly name: string
  readonly lines = signal<readonly Line[]>([])
  readonly past = signal<Past>('unknown')
  readonly unread = signal(0)
  /** Why the gateway does not let us in. */
  readonly refused = signal<string | undefined>(undefined)
  readonly present = new Present()
  readonly typing = new Typing()
  readonly outbox = new Outbox()
  /** What is written, and not sent. */
  draft = ''
  /** Called for each new message of others, to read it out or count it. */
  onNews: (line: Omit<Extract<Line, { from: string }>, 'at'>) => void = () => {}
  readonly #lines = new Lines()
  readonly #show = oncePerFrame(() => { this.lines.value = [...this.#lines.all] })
  #client!: Client
  #room!: Room
  #ends: Unsubscribe[] = []
  // What is still to come of the history on joining is no news.
  #replay = 0

  constructor (name: string, client: Client) {
    this.name = name
    this.attach(client)
  }

  /** Joins with this client, and goes on from where the one before was. */
  attach (client: Client): void {
    const since = (this.#room as Room | undefined)?.cursor
    for (const end of this.#ends) end()
    this.#client = client
    this.refused.value = undefined
    const room = this.#room = client.room(this.name, { history: HISTORY, since })
    this.#ends = [
      room.on('joined', ({ recovered, replay, seq }) => this.#joined(recovered, replay, seq)),
      room.on('message', (message) => this.#receive(message)),
      room.on('gap', (gap) => {
        this.#separate(holeText(gap))
        // Who came and went meanwhile was not told, either.
        void this.#askWhoIsHere()
      }),
      room.on('ephemeral', ({ from, content }) => {
        if (isTyping(content) && from !== user.peek()) this.typing.heard(from)
      }),
      room.on('members', (event) => this.present.change(event)),
      room.on('error', ({ message, retryable }) => { if (!retryable && !room.isJoined) this.refused.value = message })
    ]
  }

  /** For good. */
  leave (): void {
    for (const end of this.#ends) end()
    this.typing.clear()
    this.#room.leave()
  }

  say (content: unknown): void {
    this.typing.sent()
    this.#send({ key: uniqueKey(), kind: 'message', content, timestamp: new Date().toISOString() })
  }

  /** To everyone, in all rooms. */
  announce (content: unknown): void {
    this.typing.sent()
    this.#send({ key: uniqueKey(), kind: 'announcement', content, timestamp: new Date().toISOString() })
  }

  retry (outgoing: Outgoing): void {
    this.#send(outgoing)
  }

  /** A letter was typed. */
  wrote (): void {
    this.typing.wrote(() => { this.#room.ephemeral({ type: 'typing' }) })
  }

  heardAnnouncement (message: Message): void {
    this.typing.stopped(message.from)
    this.#add(saidOf(message, 'announcement'))
  }

  missedAnnouncements (text: string): void {
    this.#separate(text)
  }

  /** Older messages, from the room's log. */
  async loadOlder (): Promise<void> {
    if (!['more', 'failed'].includes(this.past.peek())) return
    this.past.value = 'loading'
    try {
      const { messages, more } = await this.#room.history({ before: this.#lines.firstSeq, limit: HISTORY })
      const fresh = this.#lines.prepend(messages.map((message) => saidOf(message)))
      this.lines.value = [...this.#lines.all]
      this.past.value = more && fresh > 0 && this.#lines.all.length < MAX_LINES ? 'more' : 'all'
    } catch {
      this.past.value = 'failed'
    }
  }

  #joined (recovered: boolean | undefined, replay: number, seq: number | undefined): void {
    this.refused.value = undefined
    if (recovered !== true) this.#replay = replay
    if (this.past.peek() === 'unknown') this.past.value = (seq ?? 0) > replay ? 'more' : 'all'
    void this.#askWhoIsHere()
  }

  #receive (message: Message): void {
    this.typing.stopped(message.from)
    this.#add(saidOf(message))
    if (this.#replay > 0) this.#replay--
  }

  #add (said: ReturnType<typeof saidOf>): void {
    if (!this.#lines.add(said)) return
    this.#show()
    if (this.#lines.all.length >= MAX_LINES) this.past.value = 'more'
    if (this.#replay === 0 && said.from !== user.peek()) this.onNews(said)
  }

  #separate (text: string | undefined): void {
    if (text === undefined) return
    this.#lines.addHole(text)
    this.#show()
  }

  #send (outgoing: Outgoing): void {
    const { content, key, kind, timestamp } = outgoing
    const publish = async (): Promise<Receipt> => {
      const client = this.#client
      try {
        if (kind === 'announcement') return await client.broadcast(content, { key })
        // The receipt stands in the message's place, in order.
        return await this.#room.publish(content, { key, echo: false })
      } catch (error) {
        // We go by another name since: what certainly was not sent yet is sent by that.
        if (client !== this.#client && error instanceof TidegateError && !error.isUnknown) return await publish()
        throw error
      }
    }
    void this.outbox.send(outgoing, publish, ({ seq, cursor }) => {
      if (kind === 'announcement') return // it comes as everyone's
      this.#lines.add({ kind, id: cursor ?? key, from: user.peek(), content, timestamp, seq })
      this.lines.value = [...this.#lines.all]
    })
  }

  /** Where the room's rule tells nobody, nothing is shown. */
  async #askWhoIsHere (): Promise<void> {
    const list = await this.#room.members().catch(() => undefined)
    if (list !== undefined) this.present.replace(list)
  }
}
