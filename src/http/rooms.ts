import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { Authenticator } from '../auth/auth.ts'
import { type Refusal, refusal } from '../protocol/codes.ts'
import { isRoomName, NAME_RULE } from '../protocol/rooms.ts'
import { refuseAdmin, refuseMembers } from '../session/permissions.ts'
import type { Services } from '../session/services.ts'
import { guard } from './access.ts'
import { sendRefusal } from './errors.ts'

interface RoomsOptions {
  readonly auth: Authenticator | undefined
  readonly presence: Services['presence']
  readonly rules: Services['rules']
}

type OfRoom = FastifyRequest<{ Params: { room: string } }>

const LIMIT = 100
const MAX_LIMIT = 1_000

/** `GET /rooms/:room/members`: who is there. `GET /rooms`: where somebody is. Both over all replicas. */
export const roomRoutes: FastifyPluginAsync<RoomsOptions> = async (app, { auth, presence, rules }) => {
  const mayAsk = guard(auth, (grants, request) => {
    const { room } = (request as OfRoom).params
    return refuseName(room) ?? refuseMembers(grants, room, rules.of(room))
  })
  app.get<{ Params: { room: string } }>('/rooms/:room/members', mayAsk, async ({ params: { room } }, reply) => {
    const { count, list } = await presence.members(room)
    return reply.type('application/json; charset=utf-8').send(`{"room":"${room}","count":${count},"members":${list}}`)
  })

  app.get<{ Querystring: Query }>('/rooms', guard(auth, refuseAdmin), async ({ query }, reply) => {
    const { after = '', limit = String(LIMIT) } = query
    const refused = refuseAfter(after) ?? refuseLimit(limit)
    return refused === undefined ? await presence.rooms(String(after), Number(limit)) : sendRefusal(reply, refused)
  })
}

interface Query { readonly after?: unknown, readonly limit?: unknown }

function refuseName (room: string): Refusal | undefined {
  return isRoomName(room) ? undefined : refusal('bad_room', `room: this is no name: ${NAME_RULE}`)
}

function refuseAfter (after: unknown): Refusal | undefined {
  return after === '' || (typeof after === 'string' && isRoomName(after))
    ? undefined
    : refusal('bad_message', "after: must be one room's name")
}

function refuseLimit (limit: unknown): Refusal | undefined {
  const isCount = typeof limit === 'string' && /^[0-9]{1,4}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= MAX_LIMIT
  return isCount ? undefined : refusal('bad_message', `limit: must be an integer of 1 to ${MAX_LIMIT}`)
}
