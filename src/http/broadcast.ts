import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Authenticator } from '../auth/auth.ts'
import { ALL } from '../protocol/rooms.ts'
import { answers, BroadcastBody, KeyHeader, PublishedAnswer } from '../schemas/http.ts'
import { refuseBroadcast } from '../session/permissions.ts'
import { guard } from './access.ts'
import { type Publishing, publishBody } from './publishing.ts'

interface BroadcastOptions {
  readonly auth: Authenticator | undefined
  readonly services: Publishing
}

const BROADCAST = {
  tags: ['rooms'],
  summary: 'Tells every connection, on every replica',
  headers: KeyHeader,
  body: BroadcastBody,
  response: answers(PublishedAnswer, 'bad_json', 'bad_message', 'unauthenticated', 'token_expired', 'forbidden', 'key_reused',
    'too_large', 'rate_limited', 'unavailable', 'unknown_outcome')
}

/** `POST /broadcast` reaches every connection. */
export const broadcastRoutes: FastifyPluginAsyncTypebox<BroadcastOptions> = async (app, { auth, services }) => {
  app.post('/broadcast', { schema: BROADCAST, ...guard(auth, refuseBroadcast) }, async (request, reply) =>
    await publishBody(services, ALL, request, reply))
}
