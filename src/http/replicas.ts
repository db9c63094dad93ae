import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Authenticator } from '../auth/auth.ts'
import type { Replicas } from '../replicas/replicas.ts'
import { answers, ReplicasAnswer } from '../schemas/http.ts'
import { refuseAdmin } from '../session/permissions.ts'
import { guard } from './access.ts'

interface ReplicasOptions {
  readonly auth: Authenticator | undefined
  readonly replicas: Replicas
}

const REPLICAS = {
  tags: ['rooms'],
  summary: 'The replicas that live, by name, and how much each has to do',
  response: answers(ReplicasAnswer, 'unauthenticated', 'token_expired', 'forbidden', 'rate_limited', 'unavailable')
}

/** `GET /replicas`: for the dashboard. It tells, and changes nothing, so an open gateway tells everyone. */
export const replicaRoutes: FastifyPluginAsyncTypebox<ReplicasOptions> = async (app, { auth, replicas }) => {
  const mayAsk = guard(auth, (grants) => auth === undefined ? undefined : refuseAdmin(grants))
  app.get('/replicas', { schema: REPLICAS, ...mayAsk }, async (_request, reply) =>
    reply.send({ replicas: await replicas.list() }))
}
