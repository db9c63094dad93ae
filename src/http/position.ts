import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Authenticator } from '../auth/auth.ts'
import { refusal } from '../protocol/codes.ts'
import { POSITION } from '../protocol/rooms.ts'
import { answers, KeyHeader, MoveBody, PositionAnswer } from '../schemas/http.ts'
import { refuseJoin, refuseMove } from '../session/permissions.ts'
import { timed } from '../session/publish.ts'
import type { Services } from '../session/services.ts'
import { guard } from './access.ts'
import { authorOf, isAuthor } from './author.ts'
import { sendRefusal } from './errors.ts'

interface PositionOptions {
  readonly auth: Authenticator | undefined
  readonly services: Pick<Services, 'position' | 'userRates' | 'counts' | 'now' | 'hooks'>
}

const READ = {
  tags: ['position'],
  summary: 'Where the shared car is',
  response: answers(PositionAnswer, 'unauthenticated', 'token_expired', 'forbidden', 'rate_limited', 'unavailable')
}

const MOVE = {
  tags: ['position'],
  summary: 'Moves the shared car, and tells the room `position`',
  headers: KeyHeader,
  body: MoveBody,
  response: answers(PositionAnswer, 'bad_json', 'bad_message', 'unauthenticated', 'token_expired', 'forbidden', 'out_of_range',
    'key_reused', 'too_large', 'rate_limited', 'unavailable', 'unknown_outcome')
}

/** `GET /position` reads the car's counter, `POST /position` adds to it and tells the room `position`. */
export const positionRoutes: FastifyPluginAsyncTypebox<PositionOptions> = async (app, { auth, services }) => {
  const { position, userRates, hooks } = services
  const roomOf = (): string => POSITION
  const mayRead = guard(auth, (grants) => refuseJoin(grants, POSITION), { hooks, action: 'history', roomOf })
  app.get('/position', { schema: READ, ...mayRead }, async (_request, reply) =>
    reply.send({ position: await position.get() }))

  const mayMove = guard(auth, refuseMove, { hooks, action: 'move', roomOf })
  app.post('/position', { schema: MOVE, ...mayMove }, async (request, reply) => {
    const cameMs = services.now() - reply.elapsedTime
    const author = authorOf(request, request.body, userRates)
    if (!isAuthor(author)) return sendRefusal(reply, author)
    // -0 becomes 0.
    const moving = position.move(request.body.delta + 0, author.key)
    const moved = await timed(services, cameMs, moving, (each) => typeof each === 'string' ? 'refused' : 'ack')
    return typeof moved === 'string' ? sendRefusal(reply, refusal(moved)) : reply.send({ position: moved.position })
  })
}
