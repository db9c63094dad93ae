import type { FastifyPluginAsync } from 'fastify'
import type { Authenticator } from '../auth/auth.ts'
import { refuseAdmin } from '../session/permissions.ts'
import type { Orders } from '../session/orders.ts'
import { guard } from './access.ts'

interface UsersOptions {
  readonly auth: Authenticator | undefined
  readonly orders: Orders
}

/** `DELETE /users/:user/connections` ends all connections of a user, on every replica, with 4403. */
export const userRoutes: FastifyPluginAsync<UsersOptions> = async (app, { auth, orders }) => {
  app.delete<{ Params: { user: string } }>('/users/:user/connections', guard(auth, refuseAdmin), async (request) => {
    const { user } = request.params
    await orders.disconnect(user)
    return { user }
  })
}
