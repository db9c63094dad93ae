import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify'
import { BrokerError, ERRORS, type Refusal, refusal } from '../protocol/codes.ts'

const RETRY_AFTER_S = 1

/** Over the limit of http/rate-limit.ts, which can only throw. */
export class RateLimited extends Error {
  readonly retryAfterMs: number

  constructor (retryAfterMs: number) {
    super('too many requests')
    this.retryAfterMs = retryAfterMs
  }
}

/** Answers `{ code, reason, message }`, with `Retry-After` where trying again can help. */
export function sendRefusal (reply: FastifyReply, { reason, message, retryAfterMs }: Refusal): FastifyReply {
  const { code, retryable } = ERRORS[reason]
  // RFC 6750 section 3.
  if (code === 401) void reply.header('www-authenticate', 'Bearer')
  if (retryable) void reply.header('retry-after', retryAfterMs === undefined ? RETRY_AFTER_S : Math.ceil(retryAfterMs / 1000))
  return reply.code(code).send({ code, reason, message })
}

/** One shape for every error that leaves over HTTP. */
export function registerErrors (app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const refused = toRefusal(error)
    if (refused.reason === 'internal') request.log.error({ err: error }, 'request failed')
    else if (error instanceof BrokerError && error.isRefused) request.log.warn({ err: error }, 'request failed')
    return sendRefusal(reply, refused)
  })
}

function toRefusal (error: FastifyError): Refusal {
  if (error instanceof BrokerError) return refusal(error.reason)
  if (error instanceof RateLimited) return refusal('rate_limited', error.message, error.retryAfterMs)
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_JSON_BODY': return refusal('bad_json', 'the body is not JSON')
    case 'FST_ERR_CTP_EMPTY_JSON_BODY': return refusal('bad_message', 'body: missing')
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE': return refusal('bad_message', 'content-type: must be application/json')
    case 'FST_ERR_CTP_BODY_TOO_LARGE': return refusal('too_large', 'the body is too large')
    case 'FST_ERR_HANDLER_TIMEOUT': return refusal('unavailable', 'no answer in time')
  }
  if (error instanceof SyntaxError && error.statusCode === 400) return refusal('bad_json', 'the body is not JSON')
  // What Fastify or Node refused as the client's fault, in words of their own that hold nothing of ours.
  return (error.statusCode ?? 500) < 500 ? refusal('bad_message', error.message) : refusal('internal')
}
