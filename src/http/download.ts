import { Readable } from 'node:stream'
import contentDisposition from 'content-disposition'
import type { FastifyReply, FastifyRequest, preParsingAsyncHookHandler } from 'fastify'
import parseRange from 'range-parser'
import type { Authenticator } from '../auth/auth.ts'
import type { ByteRange, FileHead } from '../files/files.ts'
import { isPicture } from '../files/media-types.ts'
import { type Refusal, refusal } from '../protocol/codes.ts'
import type { HookCalls } from '../session/hook-calls.ts'
import { refuseByHook } from '../session/judgement.ts'
import { refuseJoin } from '../session/permissions.ts'
import { identify, isCaller } from './access.ts'
import { sendRefusal } from './errors.ts'
import type { FileServices } from './files.ts'

interface Wanted {
  readonly id: string
  readonly name: string
  readonly expires?: number
  readonly signature?: string
  readonly files: FileServices
  /** The operator's rule for reading a room, where there is one. */
  readonly hooks: HookCalls | undefined
  /** Whether pages of other origins may show it. */
  readonly isShared: boolean
}

// A script in it would be of no origin, and could load nothing. `nosniff` is on every answer (http/headers.ts).
const POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"
const A_YEAR = 'private, max-age=31536000, immutable'

/** Lets in whoever has a token, or a link, which is looked at when the room is known. */
export function admitReader (auth: Authenticator | undefined): preParsingAsyncHookHandler {
  return async (request, reply) => {
    const caller = await identify(request, auth, true)
    if (isCaller(caller)) request.caller = caller
    else if ((request.query as Pick<Wanted, 'signature'>).signature === undefined) return sendRefusal(reply, caller)
  }
}

/** Serves a file, or a part of it (RFC 9110 section 14), as something that a browser shows or saves, and never runs. */
export async function download (request: FastifyRequest, reply: FastifyReply, wanted: Wanted): Promise<FastifyReply> {
  const { id, name, files, isShared } = wanted
  const stored = await files.store.find(id)
  // Under another name it would be a link that says what is not so.
  if (stored === undefined || stored.head.name !== name) return sendRefusal(reply, refusal('not_found'))
  const { head } = stored
  const refused = await refuseReader(request, head.room, wanted)
  if (refused !== undefined) return sendRefusal(reply, refused)
  const tag = `"${id}"`
  reply.headers(headersOf(head, tag, isShared))
  if (isKnown(request, tag)) return reply.code(304).send()
  const range = rangeOf(request, tag, head.bytes)
  if (range === 'unsatisfiable') return refuseRange(reply, head.bytes)
  reply.header('content-length', range === undefined ? head.bytes : range.end - range.start + 1)
  if (range !== undefined) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${head.bytes}`)
  // Fastify would read all of it to send nothing.
  if (request.method === 'HEAD') return reply.send(Readable.from([]))
  files.counts.served++
  return reply.send(await stored.read(range))
}

async function refuseReader (
  { caller }: FastifyRequest, room: string, wanted: Wanted
): Promise<Refusal | undefined> {
  const { expires, signature, files, hooks } = wanted
  // A token that is there counts, a link beside it for nothing.
  if (caller !== undefined) {
    return refuseJoin(caller.access.grants, room) ?? await refuseByHook(hooks, caller.user, 'history', room)
  }
  const outcome = signature === undefined || expires === undefined ? 'bad' : files.links?.verify(room, { expires, signature })
  if (outcome === 'good') return undefined
  return outcome === 'expired'
    ? refusal('token_expired', 'expires: the link has expired')
    : refusal('unauthenticated', 'signature: not valid')
}

function headersOf ({ name, mediaType }: FileHead, tag: string, isShared: boolean): Record<string, string> {
  return {
    'content-type': mediaType === 'text/plain' ? 'text/plain; charset=utf-8' : mediaType,
    'content-disposition': contentDisposition(name, { type: isPicture(mediaType) ? 'inline' : 'attachment' }),
    'content-security-policy': POLICY,
    'cross-origin-resource-policy': isShared ? 'cross-origin' : 'same-origin',
    'cache-control': A_YEAR,
    'accept-ranges': 'bytes',
    etag: tag
  }
}

/** RFC 9110 section 13.1.2. */
function isKnown ({ headers }: FastifyRequest, tag: string): boolean {
  const tags = headers['if-none-match']?.split(',').map((each) => each.trim().replace(/^W\//, '')) ?? []
  return tags.includes(tag) || tags.includes('*')
}

/** Of several parts, which are seldom asked for, and of what is no range, the whole is the answer. */
function rangeOf ({ headers }: FastifyRequest, tag: string, bytes: number): ByteRange | 'unsatisfiable' | undefined {
  const { range, 'if-range': condition } = headers
  if (range === undefined || (condition !== undefined && condition !== tag)) return undefined
  // Of more bytes than there are, the last ones are all of them. The parser refuses that.
  const [, last = '0'] = /^bytes=-(\d+)$/.exec(range) ?? []
  if (Number(last) >= bytes) return { start: 0, end: bytes - 1 }
  const ranges = parseRange(bytes, range)
  if (ranges === -1) return 'unsatisfiable'
  return ranges === -2 || ranges.type !== 'bytes' || ranges.length > 1 ? undefined : ranges[0]
}

function refuseRange (reply: FastifyReply, bytes: number): FastifyReply {
  for (const name of ['content-disposition', 'cache-control', 'etag']) reply.removeHeader(name)
  const body = { code: 416, reason: 'bad_message', message: 'range: beyond the end of the file' }
  return reply.code(416).type('application/json; charset=utf-8').header('content-range', `bytes */${bytes}`).send(body)
}
