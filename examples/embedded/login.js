// As little of a session as an example needs: a name, behind a cookie that nobody can guess.
import { randomUUID } from 'node:crypto'

/** @type {Map<string, string>} */
const sessions = new Map()

/** @param {string | undefined} cookie the header @returns {string | undefined} the user's name */
export function userOf (cookie = '') {
  const [, session = ''] = /(?:^|; *)session=([^;]+)/.exec(cookie) ?? []
  return sessions.get(session)
}

/** @type {import('fastify').FastifyPluginAsync} */
export const loginRoutes = async (app) => {
  const name = { type: 'string', pattern: '^[a-z]{1,20}$' }
  app.post('/login', {
    schema: { body: { type: 'object', required: ['name'], properties: { name } } }
  }, async (request, reply) => {
    const { name } = /** @type {{ name: string }} */ (request.body)
    const session = randomUUID()
    sessions.set(session, name)
    return reply.header('set-cookie', `session=${session}; Path=/; HttpOnly; SameSite=Strict`).send({ name })
  })
}
