import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { preParsingAsyncHookHandler } from 'fastify'
import type { Authenticator } from '../auth/auth.ts'
import type { FileCounts } from '../files/counts.ts'
import type { Files } from '../files/files.ts'
import type { FileLinks } from '../files/links.ts'
import { refusal } from '../protocol/codes.ts'
import type { Quota } from '../quota/quota.ts'
import {
  answers, binary, FileAnswer, FileQuery, KeyHeader, LinkAnswer, OfFile, OfRoom, UploadQuery
} from '../schemas/http.ts'
import { refuseJoin, refuseServerPublish } from '../session/permissions.ts'
import { guard, roomOf } from './access.ts'
import type { BodyDeadlines } from './body-deadlines.ts'
import { admitReader, download } from './download.ts'
import { sendRefusal } from './errors.ts'
import { isAskerAllowed } from './origins.ts'
import type { Publishing } from './publishing.ts'
import { giveTime } from './under-way.ts'
import { Uploads } from './upload.ts'
import { compile } from './validation.ts'

/** What sharing files takes; gateway.ts makes it where files are on. */
export interface FileServices {
  readonly store: Files
  /** Undefined where replicas have no secret in common. */
  readonly links: FileLinks | undefined
  readonly counts: FileCounts
  readonly maxBytes: number
  /** Uploads of one user, or of one address where users are not known; Infinity for no limit. */
  readonly perMinute: number
}

interface FilesOptions {
  readonly auth: Authenticator | undefined
  readonly services: Publishing
  readonly files: FileServices
  readonly quota: Quota
  readonly allowedOrigins: readonly string[]
  /** Undefined on a server that is somebody else's. */
  readonly deadlines: BodyDeadlines | undefined
}

/** For all of an upload or a download: 10 MiB at 0.7 Mbit/s. */
export const TRANSFER_MS = 120_000
// The kernel takes a file a megabyte at a time: at 5 KB a second that is over three minutes.
const SLOW_READERS = 10

// RFC 9110 section 8.3.1.
const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;|$)/

const UPLOAD = {
  tags: ['rooms'],
  summary: 'Shares a file in a room',
  description: 'The body is the file as it is, with `Content-Length`. What it is, is told by its content: a picture (PNG, JPEG, ' +
    'GIF, WebP, AVIF), PDF, ZIP or plain text. It is announced in the room by a message whose content is `file`.',
  params: OfRoom,
  headers: KeyHeader,
  querystring: UploadQuery,
  body: { content: { '*/*': { schema: binary } } },
  response: answers(FileAnswer, 'bad_message', 'bad_room', 'unauthenticated', 'token_expired', 'forbidden', 'key_reused',
    'too_large', 'rate_limited', 'unavailable', 'unknown_outcome')
}

const DOWNLOAD = {
  tags: ['rooms'],
  summary: 'A file that was shared',
  description: 'Asks for `join` in its room: by a token in the header or in `token`, or by a link of ' +
    '`GET /rooms/{room}/files/link`. Ranges are answered.',
  params: OfFile,
  querystring: FileQuery,
  response: {
    ...answers({ content: { '*/*': { schema: binary } } }, 'bad_message', 'unauthenticated', 'token_expired', 'forbidden', 'not_found',
      'rate_limited', 'unavailable'),
    206: { description: 'the part that was asked for' },
    304: { description: 'what the client has is right' },
    416: { description: 'there is no such part' }
  }
}

const LINK = {
  tags: ['rooms'],
  summary: "What opens a room's files for a while without a token",
  description: 'Put after the `?` of a file\'s address, for `<img>`. It holds for 10 to 20 minutes.',
  params: OfRoom,
  response: answers(LinkAnswer, 'bad_message', 'bad_room', 'unauthenticated', 'token_expired', 'forbidden', 'not_found', 'rate_limited')
}

/** `POST /rooms/:room/files` shares a file, `GET /files/:id/:name` serves it. */
export const fileRoutes: FastifyPluginAsyncTypebox<FilesOptions> = async (app, options) => {
  const { auth, services, files, allowedOrigins, deadlines } = options
  const { hooks, limits: { stallTimeoutMs } } = services
  const uploads = new Uploads({ ...options, prefix: app.prefix })
  // A body of any type is the file, and comes as it is read.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.setValidatorCompiler<Parameters<typeof compile>[0]['schema']>((part) =>
    part.httpPart === 'body' ? (value: unknown) => ({ value }) : compile(part))

  const mayPublish = guard(auth, (grants, request) => {
    const room = roomOf(request)
    return refuseServerPublish(grants, room, services.rules.of(room))
  })
  // A form of any page can send a body like this, and in an open gateway it would need no token.
  const isOurs: preParsingAsyncHookHandler = async (request, reply) => {
    if (!isAskerAllowed(request, allowedOrigins)) return sendRefusal(reply, refusal('forbidden', 'origin: not allowed'))
    const type = request.headers['content-type']
    if (type !== undefined && !MEDIA_TYPE.test(type)) return sendRefusal(reply, refusal('bad_message', 'content-type: must be a media type'))
  }
  const onUpload = { preParsing: [isOurs, mayPublish.preParsing], handlerTimeout: TRANSFER_MS }
  app.post('/rooms/:room/files', { schema: UPLOAD, ...onUpload }, async (request, reply) => {
    deadlines?.extend(request.raw, TRANSFER_MS)
    return await uploads.take(request, reply, { room: request.params.room, ...request.query })
  })

  const mayRead = { preParsing: admitReader(auth), handlerTimeout: TRANSFER_MS }
  const isShared = allowedOrigins.length > 0
  app.get('/files/:id/:name', { schema: DOWNLOAD, ...mayRead }, async (request, reply) => {
    giveTime(request.raw.socket, SLOW_READERS * stallTimeoutMs)
    return await download(request, reply, { ...request.params, ...request.query, files, hooks, isShared })
  })

  const mayLink = guard(auth, (grants, request) => refuseJoin(grants, roomOf(request)), {
    hooks, action: 'history', roomOf
  })
  app.get('/rooms/:room/files/link', { schema: LINK, ...mayLink }, async ({ params: { room } }, reply) => {
    reply.header('cache-control', 'no-store')
    // Everyone may read.
    if (auth === undefined) return { room, query: '' }
    if (files.links === undefined) return sendRefusal(reply, refusal('not_found', 'links: FILES_SECRET is not set'))
    const { expires, signature } = files.links.sign(room)
    const ends = new Date(expires * 1_000).toISOString()
    return { room, query: `expires=${expires}&signature=${signature}`, expires: ends }
  })
}
