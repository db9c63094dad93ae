import type { FastifyPluginAsync } from 'fastify'
import type { Position } from '../position/position.ts'
import { deltaProblem, isKeyText, MAX_KEY_CHARS } from '../protocol/codec.ts'
import { refusal } from '../protocol/codes.ts'
import type { IdempotencyKey } from '../protocol/entry.ts'
import { sendRefusal } from './errors.ts'

/** `GET /position` reads the car's counter, `POST /position` adds to it and tells the room `position`. */
export const positionRoutes: FastifyPluginAsync<{ position: Position }> = async (app, { position }) => {
  app.get('/position', async () => ({ position: await position.get() }))

  app.post('/position', async (request, reply) => {
    const { body } = request
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      return sendRefusal(reply, refusal('bad_message', 'body: must be a JSON object'))
    }
    const delta: unknown = Object.hasOwn(body, 'delta') ? (body as { delta: unknown }).delta : undefined
    const problem = deltaProblem(delta) ?? keyProblem(request.headers['idempotency-key'])
    if (problem !== undefined) return sendRefusal(reply, refusal('bad_message', problem))
    const moved = await position.move(delta as number, toKey(request.headers['idempotency-key']))
    return typeof moved === 'string' ? sendRefusal(reply, refusal(moved)) : { position: moved.position }
  })
}

function keyProblem (header: string | string[] | undefined): string | undefined {
  if (header === undefined || (typeof header === 'string' && isKeyText(header))) return undefined
  return `idempotency-key: must be 1 to ${MAX_KEY_CHARS} characters`
}

function toKey (header: string | string[] | undefined): IdempotencyKey | undefined {
  return typeof header === 'string' ? { scope: 'http', key: header } : undefined
}
