import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify'
import { FilesError } from '../files/files.ts'
import { BrokerError, ERRORS, type Refusal, refusal } from '../protocol/codes.ts'
import type { Services } from '../session/services.ts'
import { InvalidRequest } from './validation.ts'

const RETRY_AFTER_S = 1
// What an answer said of its content, which then could not be had: a browser would keep the error for a year.
const OF_CONTENT = [
  'accept-ranges', 'cache-control', 'content-disposition', 'content-length', 'content-range', 'content-type', 'etag'
]

/** Over the limit of http/rate-limit.ts, which can only throw. */
export class RateLimited extends Error {
  readonly retryAfterMs: number

  constructor (retryAfterMs: number) {
    super('too many requests')
    this.retryAfterMs = retryAfterMs
  }
}

interface Answer {
  readonly code: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: { readonly code: number, readonly reason: string, readonly message: string }
}

function answerTo ({ reason, message, retryAfterMs }: Refusal): Answer {
  const { code, retryable } = ERRORS[reason]
  const headers: Record<string, string> = {}
  // RFC 6750 section 3.
  if (code === 401) headers['www-authenticate'] = 'Bearer'
  if (retryable) headers['retry-after'] = String(retryAfterMs === undefined ? RETRY_AFTER_S : Math.ceil(retryAfterMs / 1000))
  return { code, headers, body: { code, reason, message } }
}

/** Answers `{ code, reason, message }`, with `Retry-After` where trying again can help. */
export function sendRefusal (reply: FastifyReply, refused: Refusal): FastifyReply {
  const { code, headers, body } = answerTo(refused)
  return reply.code(code).headers(headers).send(body)
}

/** The same, where there is a socket and no reply; the socket ends with it, whether or not the client hangs up. */
export function endRefused (
  socket: Duplex, refused: Refusal, code: number = ERRORS[refused.reason].code, more: Answer['headers'] = {}
): void {
  if (!socket.writable) return
  const { headers, body } = answerTo(refused)
  const text = JSON.stringify({ ...body, code })
  const lines = Object.entries({
    ...headers,
    ...more,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    connection: 'close'
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.once('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 ${code} ${STATUS_CODES[code]}\r\n${lines.join('')}\r\n${text}`)
}

/** One shape for every error that leaves over HTTP. */
export function registerErrors (app: FastifyInstance, warnings: Services['warnings']): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const refused = toRefusal(error)
    for (const name of OF_CONTENT) {
      reply.removeHeader(name)
      // Where a stream was begun it stands there already.
      if (!reply.raw.headersSent) reply.raw.removeHeader(name)
    }
    if (refused.reason === 'internal') request.log.error({ err: error }, 'request failed')
    else if (error instanceof BrokerError && error.isRefused) warnings.warn('requests fail', String(error.cause))
    return sendRefusal(reply, refused)
  })
}

function toRefusal (error: FastifyError): Refusal {
  if (error instanceof BrokerError) return refusal(error.reason)
  if (error instanceof FilesError) return refusal('unavailable', error.message)
  if (error instanceof InvalidRequest) return error.refusal
  if (error instanceof RateLimited) return refusal('rate_limited', error.message, error.retryAfterMs)
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE': return refusal('bad_message', 'content-type: must be application/json')
    case 'FST_ERR_CTP_BODY_TOO_LARGE': return refusal('too_large', 'the body is too large')
    case 'FST_ERR_HANDLER_TIMEOUT': return refusal('unavailable', 'no answer in time')
  }
  // What Fastify or Node refused as the client's fault, in words of their own that hold nothing of ours.
  return (error.statusCode ?? 500) < 500 ? refusal('bad_message', error.message) : refusal('internal')
}
