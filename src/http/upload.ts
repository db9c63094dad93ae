import type { FastifyReply, FastifyRequest } from 'fastify'
import { FilesError } from '../files/files.ts'
import { FileLinks, newFileId } from '../files/links.ts'
import { HEAD_BYTES, type Media, mediaOf } from '../files/media-types.ts'
import { safeName } from '../files/names.ts'
import { peek } from '../files/peek.ts'
import { BrokerError, type Refusal, refusal } from '../protocol/codes.ts'
import type { Quota } from '../quota/quota.ts'
import { isRefused, type Judged, judge } from '../session/judgement.ts'
import { publish, type Published, timed } from '../session/publish.ts'
import { networkOf } from './admission.ts'
import { type Author, authorOf, isAuthor } from './author.ts'
import { sendRefusal } from './errors.ts'
import type { FileServices } from './files.ts'
import { answerOf, type Publishing } from './publishing.ts'

interface UploadsOptions {
  readonly services: Publishing
  readonly files: FileServices
  readonly quota: Quota
  /** Before each path of the gateway; empty for none. */
  readonly prefix: string
}

interface Asked {
  readonly room: string
  readonly name?: string
  /** As `from` of a message: who it is from, in an open gateway. */
  readonly from?: string
}

/** A file that is announced: what a message about it holds. */
interface Announced {
  readonly type: 'file'
  readonly id: string
  readonly name: string
  readonly mediaType: string
  readonly bytes: number
  readonly url: string
  readonly width?: number
  readonly height?: number
}

interface Kept {
  readonly file: Announced
  /** As what it is announced: hooks may have changed it. */
  readonly judged: Judged
  readonly isNew: boolean
}

const WINDOW_MS = 60_000
// At once on this replica: each holds a file, and a head in memory.
const MAX_UPLOADS = 64
// Of them one user's, or address's: slow ones would leave nothing to others.
const MAX_OF_ONE = 16
// Who sends nothing for so long has gone.
const STALL_MS = 10_000
const FULL_RETRY_MS = 60_000

/** Files on their way into the store, and into their rooms. */
export class Uploads {
  readonly #services: Publishing
  readonly #files: FileServices
  readonly #quota: Quota
  readonly #ids: FileLinks
  readonly #prefix: string
  #underWay = 0
  readonly #underWayOf = new Map<string, number>()

  constructor ({ services, files, quota, prefix }: UploadsOptions) {
    this.#services = services
    this.#files = files
    this.#quota = quota
    this.#prefix = prefix
    // Without a secret whoever knows room, key and content knows the id: the room's right is asked for all the same.
    this.#ids = files.links ?? new FileLinks('')
  }

  /** The file is kept first and announced then: what a message tells of is there. */
  async take (request: FastifyRequest, reply: FastifyReply, asked: Asked): Promise<FastifyReply> {
    const outcome = await this.#attempt(request, reply, asked).catch((error: unknown) => refusalOf(error, request))
    if (!('reason' in outcome)) return reply.send(outcome)
    this.#files.counts.refuse(outcome.reason)
    if (reply.sent) return reply
    // What is not read yet is not read any more.
    if (!request.raw.complete) reply.header('connection', 'close')
    return sendRefusal(reply, outcome)
  }

  async #attempt (request: FastifyRequest, reply: FastifyReply, asked: Asked): Promise<object | Refusal> {
    // Once its time is up it is answered, and what drips on would hold its place for ever.
    request.signal.addEventListener('abort', () => {
      if (!reply.raw.headersSent && !request.raw.complete) reply.header('connection', 'close')
    })
    const bytes = this.#lengthOf(request)
    if (typeof bytes !== 'number') return bytes
    const who = whoOf(request)
    const refused = await this.#refuseRate(who)
    if (refused !== undefined) return refused
    const author = authorOf(request, asked, this.#services.userRates)
    if (!isAuthor(author)) return author
    const full = this.#refuseAtOnce(who)
    if (full !== undefined) return full
    this.#count(who, 1)
    try {
      const kept = await this.#keep(request, { ...asked, bytes }, author)
      if ('reason' in kept) return kept
      if (!reply.sent) return await this.#announce(asked.room, kept, author, this.#services.now() - reply.elapsedTime)
      // The time was up meanwhile, and it was answered that nothing was published.
      if (kept.isNew) await this.#files.store.remove(kept.file.id)
      return refusal('unavailable')
    } finally {
      this.#count(who, -1)
    }
  }

  #refuseAtOnce (who: string): Refusal | undefined {
    if (this.#underWay >= MAX_UPLOADS) return refusal('unavailable', 'too many uploads at once; nothing was published')
    const isLimited = this.#files.perMinute !== Infinity
    const own = this.#underWayOf.get(who) ?? 0
    return isLimited && own >= MAX_OF_ONE ? refusal('rate_limited', 'too many files at once') : undefined
  }

  #count (who: string, change: 1 | -1): void {
    this.#underWay += change
    const own = (this.#underWayOf.get(who) ?? 0) + change
    if (own === 0) this.#underWayOf.delete(who)
    else this.#underWayOf.set(who, own)
  }

  #lengthOf ({ headers }: FastifyRequest): number | Refusal {
    const length = headers['content-length']
    if (length === undefined) return refusal('bad_message', 'content-length: missing')
    const bytes = Number(length)
    if (bytes === 0) return refusal('bad_message', 'body: missing')
    const { maxBytes } = this.#files
    return bytes <= maxBytes ? bytes : refusal('too_large', `the file is larger than ${maxBytes} bytes`)
  }

  /** Over all replicas. While Redis is away nothing could be announced: rejects with BrokerError before it is read. */
  async #refuseRate (who: string): Promise<Refusal | undefined> {
    const { perMinute } = this.#files
    if (perMinute === Infinity) return undefined
    const { count, leftMs } = await this.#quota.add(`files:${who}`, 1, WINDOW_MS)
    return count > perMinute ? refusal('rate_limited', 'too many files', leftMs) : undefined
  }

  async #keep (
    request: FastifyRequest, { room, name: given = '', bytes }: Asked & { bytes: number }, author: Author
  ): Promise<Kept | Refusal> {
    const { raw } = request
    raw.setTimeout(STALL_MS)
    try {
      const { head, all } = await peek(raw, HEAD_BYTES)
      const media = await mediaOf(head, given, request.headers['content-type'] ?? '')
      if (typeof media === 'string') return refusal('bad_message', media)
      const name = safeName(given, media.extensions)
      const { mediaType } = media
      const id = author.key === undefined
        ? newFileId()
        : this.#ids.idOf([room, author.key, name, mediaType, bytes, head.toString('base64')])
      const url = `${this.#prefix}/files/${id}/${encodeURIComponent(name)}`
      const file = announcedOf({ id, name, bytes, url }, media)
      // Before it is kept: what the operator's own rules refuse is not there for a moment.
      const judged = await this.#judge(request, room, JSON.stringify(file), author)
      if (isRefused(judged)) return judged
      const outcome = await this.#files.store.put(id, { room, name, mediaType, bytes }, all)
      return { file, judged, isNew: outcome === 'stored' }
    } finally {
      raw.setTimeout(0)
    }
  }

  async #judge (request: FastifyRequest, room: string, content: string, { key }: Author): Promise<Judged | Refusal> {
    const { hooks, limits: { maxMessageBytes } } = this.#services
    if (hooks === undefined) return { content }
    return await judge(hooks, { user: request.caller?.user }, { room, content, key: key?.key }, maxMessageBytes)
  }

  async #announce (
    room: string, { file, judged, isNew }: Kept, { from: author, key }: Author, cameMs: number
  ): Promise<object | Refusal> {
    const { content, from = author } = judged
    let published: Published | 'key_reused'
    try {
      const publishing = publish(this.#services, { room, from, key, content })
      published = await timed(this.#services, cameMs, publishing, (each) => each === 'key_reused' ? 'refused' : 'ack')
    } catch (error) {
      // What may have been published may be asked for.
      const isNothingSaid = !(error instanceof BrokerError && error.reason === 'unknown_outcome')
      if (isNew && isNothingSaid) await this.#files.store.remove(file.id)
      throw error
    }
    if (published === 'key_reused') {
      if (isNew) await this.#files.store.remove(file.id)
      return refusal('key_reused')
    }
    if (isNew) {
      this.#files.counts.stored++
      this.#files.counts.storedBytes += file.bytes
    }
    return { ...answerOf(published), file }
  }
}

/** Whom limits count. */
function whoOf ({ caller, ip }: FastifyRequest): string {
  return caller?.user === undefined ? `address:${networkOf(ip)}` : `user:${caller.user}`
}

function announcedOf (
  { id, name, bytes, url }: Pick<Announced, 'id' | 'name' | 'bytes' | 'url'>, { mediaType, width, height }: Media
): Announced {
  const size = width === undefined || height === undefined ? {} : { width, height }
  return { type: 'file', id, name, mediaType, bytes, url, ...size }
}

function refusalOf (error: unknown, request: FastifyRequest): Refusal {
  if (error instanceof BrokerError) return refusal(error.reason)
  if (error instanceof FilesError) {
    request.log.warn({ err: error }, 'a file cannot be kept')
    return error.reason === 'full'
      ? refusal('unavailable', 'the store of files is full; nothing was published', FULL_RETRY_MS)
      : refusal('unavailable', 'the store of files fails; nothing was published')
  }
  // Nobody hears it.
  if (request.raw.errored !== null || request.raw.destroyed) return refusal('bad_message', 'body: it broke off')
  throw error
}
