import type { FastifyReply, FastifyRequest } from 'fastify'
import { refusal } from '../protocol/codes.ts'
import { memberText } from '../protocol/content-span.ts'
import { formatCursor } from '../protocol/cursor.ts'
import { isRefused, judge } from '../session/judgement.ts'
import { publish, type Published, timed } from '../session/publish.ts'
import type { Services } from '../session/services.ts'
import { authorOf, isAuthor } from './author.ts'
import { sendRefusal } from './errors.ts'

/** What publishing over HTTP takes of a replica. */
export type Publishing = Pick<Services, 'hub' | 'log' | 'broker' | 'rules' | 'counts' | 'now' | 'userRates' | 'hooks' | 'limits'>

interface PublishBody {
  readonly key?: string | null
  readonly from?: string | null
  readonly ephemeral?: boolean | null
}

/** Publishes what the body holds, whose schema has let it through, and answers where it stands. */
export async function publishBody (
  services: Publishing, room: string, request: FastifyRequest, reply: FastifyReply
): Promise<FastifyReply> {
  const cameMs = services.now() - reply.elapsedTime
  const body = request.body as PublishBody
  const author = authorOf(request, body, services.userRates)
  if (!isAuthor(author)) return sendRefusal(reply, author)
  const content = memberText(request.bodyText, 'content')!
  const ephemeral = body.ephemeral ?? false
  const { hooks, limits: { maxMessageBytes } } = services
  const proposed = { room, content, key: author.key?.key, ephemeral }
  const judged = hooks === undefined
    ? { content }
    : await judge(hooks, { user: request.caller?.user }, proposed, maxMessageBytes)
  // Where the time was up meanwhile, it is answered that nothing was published.
  if (reply.sent) return reply
  if (isRefused(judged)) return sendRefusal(reply, judged)
  const { from = author.from } = judged
  const publishing = publish(services, { room, ephemeral, key: author.key, ...judged, from })
  const published = await timed(services, cameMs, publishing, (each) => each === 'key_reused' ? 'refused' : 'ack')
  return published === 'key_reused' ? sendRefusal(reply, refusal('key_reused')) : reply.send(answerOf(published))
}

/** Where it stands, if it is stored. */
export function answerOf ({ cursor, duplicate }: Published): object {
  const place = cursor === undefined ? {} : { seq: cursor.seq, cursor: formatCursor(cursor) }
  return { ...place, ...(duplicate ? { duplicate } : {}) }
}
