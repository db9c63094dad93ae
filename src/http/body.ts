import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { type Refusal, refusal } from '../protocol/codes.ts'
import { InvalidRequest } from './validation.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The body as it was written, where it is JSON: `content` is passed on as the bytes that were sent. */
    bodyText: string
  }
}

/**
 * Bodies are JSON, and nothing else: a page of another origin can send text/plain without asking first. Any JSON is
 * taken, `__proto__` among the names as well: members are asked for by name, and never copied.
 */
export function registerBodies (app: FastifyInstance): void {
  app.decorateRequest('bodyText', '')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    // Many clients name a type whether or not they send anything.
    if (bytes.length === 0 && request.routeOptions.schema?.body === undefined) return done(null, undefined)
    const refused = refuseBytes(bytes as Buffer)
    if (refused !== undefined) return done(new InvalidRequest(refused))
    const text = bytes.toString()
    let body: unknown
    try {
      body = JSON.parse(text)
    } catch {
      return done(new InvalidRequest(refusal('bad_json', 'the body is not JSON')))
    }
    request.bodyText = text
    done(null, body)
  })
}

function refuseBytes (bytes: Buffer): Refusal | undefined {
  if (bytes.length === 0) return refusal('bad_message', 'body: missing')
  return isUtf8(bytes) ? undefined : refusal('bad_json', 'the body is not UTF-8')
}
