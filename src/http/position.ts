import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { Authenticator } from '../auth/auth.ts'
import type { Position } from '../position/position.ts'
import { deltaProblem, isKeyText, MAX_KEY_CHARS } from '../protocol/codec.ts'
import { refusal } from '../protocol/codes.ts'
import type { IdempotencyKey } from '../protocol/entry.ts'
import { POSITION } from '../protocol/rooms.ts'
import { refuseJoin, refuseMove } from '../session/permissions.ts'
import type { UserRates } from '../session/user-rates.ts'
import { guard } from './access.ts'
import { sendRefusal } from './errors.ts'

interface PositionOptions {
  readonly position: Position
  readonly auth: Authenticator | undefined
  readonly userRates: UserRates | undefined
}

/** `GET /position` reads the car's counter, `POST /position` adds to it and tells the room `position`. */
export const positionRoutes: FastifyPluginAsync<PositionOptions> = async (app, { position, auth, userRates }) => {
  const mayRead = guard(auth, (grants) => refuseJoin(grants, POSITION))
  app.get('/position', mayRead, async () => ({ position: await position.get() }))

  app.post('/position', guard(auth, refuseMove), async (request, reply) => {
    const { body } = request
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      return sendRefusal(reply, refusal('bad_message', 'body: must be a JSON object'))
    }
    const delta: unknown = Object.hasOwn(body, 'delta') ? (body as { delta: unknown }).delta : undefined
    const problem = deltaProblem(delta) ?? keyProblem(request.headers['idempotency-key'])
    if (problem !== undefined) return sendRefusal(reply, refusal('bad_message', problem))
    const waitMs = rate(request, userRates)
    if (waitMs > 0) return sendRefusal(reply, refusal('rate_limited', undefined, waitMs))
    const moved = await position.move(delta as number, toKey(request))
    return typeof moved === 'string' ? sendRefusal(reply, refusal(moved)) : { position: moved.position }
  })
}

function keyProblem (header: string | string[] | undefined): string | undefined {
  if (header === undefined || (typeof header === 'string' && isKeyText(header))) return undefined
  return `idempotency-key: must be 1 to ${MAX_KEY_CHARS} characters`
}

/** A verified user's keys are the same ones on a socket and here. */
function toKey ({ headers, caller }: FastifyRequest): IdempotencyKey | undefined {
  const key = headers['idempotency-key']
  const scope = caller?.user === undefined ? 'http' : `user:${caller.user}`
  return typeof key === 'string' ? { scope, key } : undefined
}

function rate ({ caller }: FastifyRequest, userRates: UserRates | undefined): number {
  return caller?.user === undefined ? 0 : userRates?.take(caller.user) ?? 0
}
