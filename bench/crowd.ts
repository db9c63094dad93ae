import { eventually } from '../cluster/until.ts'
import { asAdmin } from './admin.ts'
import { type Content, Ledger, type Place } from './ledger.ts'
import { Publisher } from './publisher.ts'
import { Resumer } from './resumer.ts'

interface CrowdOptions {
  readonly room: string
  readonly clients: number
  readonly publishers: number
  readonly messagesPerSecond: number
  /** What the gateways' LOG_ENTRIES is. */
  readonly logEntries: number
  readonly onMessage?: (content: Content & { readonly sentMs: number }, isReplay: boolean) => void
}

/** Clients that resume and publishers that retry, over several replicas, in one room; and the account of it. */
export class Crowd {
  readonly ledger: Ledger
  readonly clients: readonly Resumer[]
  readonly publishers: readonly Publisher[]
  readonly #options: CrowdOptions

  /** @param urls each connection goes to another of them, so that who resumes does it elsewhere */
  constructor (urls: readonly string[], options: CrowdOptions) {
    const { room, clients, publishers, onMessage } = options
    // At first in turn, then each time to any other one: so that all stay in use, whichever was away for a while.
    const elsewhere = (start: number): () => string => {
      let at: number | undefined
      return () => {
        at = at === undefined ? start : at + 1 + Math.floor(Math.random() * (urls.length - 1))
        return urls[at % urls.length]!
      }
    }
    this.#options = options
    this.ledger = new Ledger(options.logEntries)
    const { ledger } = this
    this.clients = Array.from({ length: clients }, (_, index) => new Resumer({
      name: `client-${index}`, room, nextUrl: elsewhere(index), ledger, ...(onMessage === undefined ? {} : { onMessage })
    }))
    this.publishers = Array.from({ length: publishers }, (_, index) =>
      new Publisher({ name: `publisher-${index}`, room, nextUrl: elsewhere(index), ledger }))
  }

  /** Resolves when all have joined. */
  async join (): Promise<void> {
    const clients = this.clients.map((client) => client.start())
    const publishers = this.publishers.map((publisher) => publisher.join())
    await Promise.all([...clients, ...publishers])
  }

  /** Publishing begins, or goes on. */
  resume (): void {
    for (const publisher of this.publishers) publisher.start(this.#options.messagesPerSecond / this.publishers.length)
  }

  /** Everyone connects anew, to the next replica: so that all replicas are in use when a fault strikes one. */
  async scatter (): Promise<void> {
    for (const client of this.clients) client.cut(0)
    for (const publisher of this.publishers) publisher.close()
    await this.healed(10_000)
  }

  /**
   * From now until everything works again: what is published from now on is acked to every publisher, and has come to
   * every client. Milliseconds.
   * @throws where that takes longer
   */
  async healed (timeoutMs: number): Promise<number> {
    const startMs = performance.now()
    const isFresh = ({ acked }: Publisher): boolean => acked !== undefined && acked.sentMs > startMs
    await eventually('publishers are answered', async () => this.publishers.every(isFresh), timeoutMs)
    const isThere = ({ newestSentMs }: Resumer): boolean => newestSentMs > startMs
    await eventually('clients have got it', async () => this.clients.every(isThere), timeoutMs)
    return performance.now() - startMs
  }

  /** Publishing ends; when all have everything, the ledger is compared with the log. Resolves with the log's top. */
  async rest (redisUrl: string, prefix: string, timeoutMs = 15_000): Promise<Place> {
    await Promise.all(this.publishers.map((publisher) => publisher.stop()))
    const { log, top } = await readLog(redisUrl, prefix, this.#options.room)
    const isAtTop = ({ isJoined, cursor }: Resumer): boolean => isJoined && cursor === top.cursor
    // Otherwise the ledger says who is not.
    await eventually('everyone is at the top', async () => this.clients.every(isAtTop), timeoutMs).catch(() => {})
    this.ledger.compare(log, top)
    return top
  }

  get published (): number {
    return this.publishers.reduce((sum, { published }) => sum + published, 0)
  }

  close (): void {
    for (const client of this.clients) client.close()
    for (const publisher of this.publishers) publisher.close()
  }

  /** How often publishers got which answer, and the slowest. */
  get answers (): { readonly counts: Readonly<Record<string, number>>, readonly slowestMs: number } {
    const counts: Record<string, number> = {}
    for (const { answers } of this.publishers) {
      for (const [answer, count] of answers) counts[answer] = (counts[answer] ?? 0) + count
    }
    return { counts, slowestMs: Math.max(...this.publishers.map(({ slowestMs }) => slowestMs)) }
  }

  forgetSlowest (): void {
    for (const publisher of this.publishers) publisher.slowestMs = 0
  }

  get errors (): readonly string[] {
    return this.clients.flatMap(({ errors }) => errors)
  }
}

/** The cursors that a room's log keeps, oldest first, and its top: asked of Redis itself, past the gateways. */
async function readLog (url: string, prefix: string, room: string): Promise<{ log: string[], top: Place }> {
  return await asAdmin(url, async (redis) => {
    const [epoch, seq, id] = await redis.hmget(`${prefix}{${room}}:m`, 'e', 's', 'i')
    const entries = await redis.xrange(`${prefix}{${room}}:s`, '-', '+')
    const log = entries.map(([streamId, fields]) =>
      `${epoch}.${Number.parseInt(streamId, 10)}.${fields[fields.indexOf('i') + 1]}`)
    return { log, top: { seq: Number(seq), cursor: `${epoch}.${seq}.${id}` } }
  })
}
