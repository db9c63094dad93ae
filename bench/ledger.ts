/** What may be wrong with what clients were told. */
export type Violation = 'loss' | 'duplicate' | 'order' | 'fork' | 'phantom' | 'aborted' | 'gap' | 'framing'

export interface Place { readonly seq: number, readonly cursor: string }

/** As much of a `joined` frame as counts. */
export interface Joined extends Place {
  readonly replay: number
  readonly recovered?: boolean | undefined
}

/** What a publisher wrote into each message: whose it is, and its number among those. */
export interface Content { readonly publisher: string, readonly n: number }

/**
 * What became of every message that was acked, for every client, as far as the last comparison with the log: `expected`
 * is `delivered` + `told` + `unseen` + `lost`.
 */
export interface Account {
  /** How many messages were acked, and how many deliveries that makes. */
  readonly published: number
  readonly expected: number
  readonly delivered: number
  /** Not delivered, and within a gap of this client's: lost, or before the place where the gap says that it goes on. */
  readonly told: number
  /** Not delivered and not told: Redis lost it before this client had got anything of what was lost. */
  readonly unseen: number
  /** Not delivered, and none of these: each is a violation. */
  readonly lost: number
}

interface Gap { readonly from: Place | undefined, readonly to: Place }

interface Client {
  place: Place | undefined
  /** Frames that `joined` announced and that have not come yet. */
  replay: number
  isOnline: boolean
  /** Since the last gap, or the last comparison with the log. */
  segment: string[]
  /** Since the last comparison: the numbers of the messages that it got, and its gaps. */
  heard: number[]
  gaps: Gap[]
  /** Of each publisher, the newest message. */
  readonly newest: Map<string, number>
  readonly recent: Set<string>
}

const RECENT = 2_000
const MAX_EXAMPLES = 20

/**
 * Keeps account of what clients and publishers of one room were told, and says what breaks the promise
 * (docs/recovery.md): each message once and in order, the same for everyone, or a gap; and gaps only where the log was
 * damaged. All clients have joined before the first message.
 */
export class Ledger {
  readonly examples: string[] = []
  readonly #logEntries: number
  readonly #violations = new Map<Violation, number>()
  readonly #clients = new Map<string, Client>()
  /** All that were sent, with a number each. */
  readonly #sent = new Map<string, number>()
  readonly #unanswered = new Set<string>()
  readonly #refused = new Set<string>()
  /** Acked and not yet found in the log. */
  #acked = new Map<string, string>()
  /** Under way when the log was damaged: their acks may be of what is lost. */
  #doubtful = new Set<string>()
  /** By their numbers, all that were acked since the last comparison. */
  #published = new Map<number, string>()
  /** By epoch and number. */
  readonly #cursors = new Map<string, string>()
  readonly #placed = new Map<string, string>()
  #isDamaged = false
  #messages = 0
  #duplicates = 0
  #gaps: string[] = []
  #account: Account = { published: 0, expected: 0, delivered: 0, told: 0, unseen: 0, lost: 0 }

  /** @param logEntries how many the log keeps: only what is more may be missing from it */
  constructor (logEntries: number) {
    this.#logEntries = logEntries
  }

  /** All messages that clients got. */
  get messages (): number {
    return this.#messages
  }

  get account (): Account {
    return this.#account
  }

  get gaps (): readonly string[] {
    return this.#gaps
  }

  get violations (): ReadonlyMap<Violation, number> {
    return this.#violations
  }

  /** The log is about to be lost, rewound or forked: gaps are right until it has been compared again. */
  damaged (): void {
    this.#isDamaged = true
    this.#acked.clear()
    for (const message of this.#unanswered) this.#doubtful.add(message)
  }

  sent (content: Content): void {
    this.#sent.set(nameOf(content), this.#sent.size)
    this.#unanswered.add(nameOf(content))
  }

  acked (content: Content, cursor: string): void {
    const message = nameOf(content)
    this.#unanswered.delete(message)
    this.#placeIs(message, cursor)
    if (!this.#doubtful.has(message)) this.#acked.set(message, cursor)
    this.#published.set(this.#sent.get(message)!, cursor)
  }

  /** It was certainly not stored, and is not tried again. */
  refused (content: Content): void {
    const message = nameOf(content)
    this.#refused.add(message)
    this.#unanswered.delete(message)
    if (this.#placed.has(message)) this.#report('aborted', `${message} was refused, and had come`)
  }

  joined (name: string, { seq, cursor, replay, recovered }: Joined, history = 0): void {
    const client = this.#client(name)
    client.isOnline = true
    client.replay = replay
    const before = client.place
    if (before === undefined) client.place = { seq: seq - replay, cursor: replay === 0 ? cursor : '' }
    else if (recovered !== true) client.replay = Math.max(0, history === 0 ? 0 : replay)
    else if (seq - replay !== before.seq) {
      this.#report('framing', `${name}: joined at ${seq} with ${replay} to replay, from ${before.seq}`)
    }
  }

  left (name: string): void {
    this.#client(name).isOnline = false
  }

  gap (name: string, reason: string, { seq, cursor }: Place): void {
    const client = this.#client(name)
    this.#gaps.push(reason)
    if (!this.#isDamaged) this.#report('gap', `${name}: ${reason} at ${cursor}, though the log is intact`)
    const to = { seq: seq - client.replay, cursor }
    client.gaps.push({ from: client.place, to })
    client.place = to
    client.segment = []
    client.newest.clear()
  }

  /** @returns whether it was one of those that `joined` announced */
  message (name: string, { seq, cursor }: Place, content: Content): boolean {
    const client = this.#client(name)
    const isReplay = client.replay > 0
    if (isReplay) client.replay--
    if (!client.isOnline || client.place === undefined) this.#report('framing', `${name}: message ${seq} before joined`)
    if (this.#isRepeated(name, client, seq, cursor)) return isReplay
    this.#messages++
    const last = client.place?.seq ?? seq - 1
    if (seq > last + 1) this.#report('loss', `${name}: ${seq} follows ${last}`, seq - last - 1)
    if (seq <= last) this.#report('order', `${name}: ${seq} follows ${last}`)
    client.place = { seq, cursor }
    client.segment.push(this.#canonical(seq, cursor, name))
    this.#checkContent(name, client, cursor, content)
    return isReplay
  }

  /**
   * All is at rest: everyone must be at the log's top, what they got since the last gap must be what is in the log, and
   * so must what was acked, unless the log was damaged.
   * @param log the cursors of what it keeps, oldest first
   * @param top its newest place
   */
  compare (log: readonly string[], top: Place): void {
    const kept = new Map(log.map((cursor) => [keyOf(cursor), cursor]))
    const oldestSeq = top.seq + 1 - log.length
    const isGone = (cursor: string): boolean => epochOf(cursor) === epochOf(top.cursor) && seqOf(cursor) < oldestSeq &&
      log.length >= this.#logEntries
    for (const [name, client] of this.#clients) {
      if (!client.isOnline) this.#report('loss', `${name}: did not come back`)
      else if (client.place?.cursor !== top.cursor) {
        this.#report('loss', `${name}: at ${client.place?.cursor}, and the log at ${top.cursor}`)
      }
      const other = client.segment.find((cursor) => !isGone(cursor) && kept.get(keyOf(cursor)) !== cursor)
      if (other !== undefined) this.#report('fork', `${name}: has ${other}, and no gap; the log has ${kept.get(keyOf(other))}`)
      client.segment = []
    }
    for (const [message, cursor] of this.#acked) {
      if (!isGone(cursor) && kept.get(keyOf(cursor)) !== cursor) this.#report('loss', `${message} was acked as ${cursor}`)
    }
    this.#settle((cursor) => isGone(cursor) || kept.get(keyOf(cursor)) === cursor)
    this.#acked = new Map()
    this.#doubtful = new Set()
    this.#isDamaged = false
    this.#cursors.clear()
  }

  /** What went wrong, in a line each; empty where all is well. */
  verdict (): string[] {
    return [...this.#violations].map(([kind, count]) => `${count} × ${kind}`)
  }

  /** What was acked since the last comparison goes into the account. */
  #settle (isKept: (cursor: string) => boolean): void {
    let [delivered, told, unseen, lost] = [0, 0, 0, 0]
    for (const [name, client] of this.#clients) {
      const heard = new Set(client.heard)
      const lostBefore = lost
      for (const [message, cursor] of this.#published) {
        if (heard.has(message)) delivered++
        else if (client.gaps.some((gap) => isWithin(gap, cursor))) told++
        else if (this.#isDamaged && !isKept(cursor)) unseen++
        else lost++
      }
      const count = lost - lostBefore
      if (count > 0) this.#report('loss', `${name}: ${count} neither came nor were told`, count)
      client.heard = []
      client.gaps = []
    }
    const { size } = this.#published
    const before = this.#account
    this.#account = {
      published: before.published + size,
      expected: before.expected + size * this.#clients.size,
      delivered: before.delivered + delivered,
      told: before.told + told,
      unseen: before.unseen + unseen,
      lost: before.lost + lost
    }
    this.#published = new Map()
  }

  #client (name: string): Client {
    let client = this.#clients.get(name)
    if (client === undefined) {
      client = {
        place: undefined,
        replay: 0,
        isOnline: false,
        segment: [],
        heard: [],
        gaps: [],
        newest: new Map(),
        recent: new Set()
      }
      this.#clients.set(name, client)
    }
    return client
  }

  #isRepeated (name: string, client: Client, seq: number, cursor: string): boolean {
    const isRepeated = client.recent.has(cursor)
    if (isRepeated) {
      this.#duplicates++
      this.#report('duplicate', `${name}: got ${seq} twice`)
    } else {
      client.recent.add(cursor)
      if (client.recent.size > RECENT) client.recent.delete(client.recent.values().next().value!)
    }
    return isRepeated
  }

  /** The first one's string for this place, so that it is kept once; everyone must have been told the same. */
  #canonical (seq: number, cursor: string, name: string): string {
    const key = keyOf(cursor)
    const known = this.#cursors.get(key)
    if (known === undefined) this.#cursors.set(key, cursor)
    else if (known !== cursor && !this.#isDamaged) this.#report('fork', `${name}: ${seq} is ${cursor}, for others ${known}`)
    return known === cursor ? known : cursor
  }

  #checkContent (name: string, client: Client, cursor: string, content: Content): void {
    const message = nameOf(content)
    const number = this.#sent.get(message)
    if (number === undefined) this.#report('phantom', `${name}: got ${message}, which nobody sent`)
    else client.heard.push(number)
    if (this.#refused.has(message)) this.#report('aborted', `${name}: got ${message}, which was refused`)
    this.#placeIs(message, cursor)
    const before = client.newest.get(content.publisher) ?? -1
    if (content.n <= before && !this.#isDamaged) this.#report('order', `${name}: ${message} after number ${before}`)
    client.newest.set(content.publisher, content.n)
  }

  /** A message is stored once, whatever was retried. */
  #placeIs (message: string, cursor: string): void {
    const known = this.#placed.get(message)
    if (known === undefined) this.#placed.set(message, cursor)
    else if (known !== cursor && !this.#isDamaged) this.#report('duplicate', `${message} is at ${known} and at ${cursor}`)
    else if (known !== cursor) this.#placed.set(message, cursor)
  }

  #report (kind: Violation, what: string, count = 1): void {
    this.#violations.set(kind, (this.#violations.get(kind) ?? 0) + count)
    if (this.examples.length < MAX_EXAMPLES) this.examples.push(`${kind}: ${what}`)
  }
}

function nameOf ({ publisher, n }: Content): string {
  return `${publisher}:${n}`
}

/** In the log that the client left there, after its place; or in the one where it went on, before that. */
function isWithin ({ from, to }: Gap, cursor: string): boolean {
  const isAfter = from !== undefined && epochOf(cursor) === epochOf(from.cursor) && seqOf(cursor) > from.seq
  return isAfter || (epochOf(cursor) === epochOf(to.cursor) && seqOf(cursor) <= to.seq)
}

/** A cursor is opaque to clients; a checker may know that it is `epoch.seq.id`. */
function keyOf (cursor: string): string {
  return cursor.slice(0, cursor.lastIndexOf('.'))
}

function epochOf (cursor: string): string {
  return cursor.slice(0, cursor.indexOf('.'))
}

function seqOf (cursor: string): number {
  return Number(cursor.split('.')[1])
}
