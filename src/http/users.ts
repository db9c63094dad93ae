import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Authenticator } from '../auth/auth.ts'
import { answers, OfUser, UserAnswer } from '../schemas/http.ts'
import { refuseAdmin } from '../session/permissions.ts'
import type { Orders } from '../session/orders.ts'
import type { Services } from '../session/services.ts'
import { guard } from './access.ts'

interface UsersOptions {
  readonly auth: Authenticator | undefined
  readonly orders: Orders
  readonly hooks: Services['hooks']
}

const DISCONNECT = {
  tags: ['users'],
  summary: 'Ends all connections of a user, on every replica, with 4403',
  params: OfUser,
  response: answers(UserAnswer, 'bad_message', 'unauthenticated', 'token_expired', 'forbidden', 'rate_limited', 'unavailable',
    'unknown_outcome')
}

/** `DELETE /users/:user/connections` ends all connections of a user, on every replica, with 4403. */
export const userRoutes: FastifyPluginAsyncTypebox<UsersOptions> = async (app, { auth, orders, hooks }) => {
  const mayDisconnect = guard(auth, refuseAdmin, { hooks, action: 'admin' })
  app.delete('/users/:user/connections', { schema: DISCONNECT, ...mayDisconnect }, async (request, reply) => {
    const { user } = request.params
    await orders.disconnect(user)
    return reply.send({ user })
  })
}
