import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Authenticator } from '../auth/auth.ts'
import { refusal } from '../protocol/codes.ts'
import { isRoomName, NAME_RULE } from '../protocol/rooms.ts'
import { answers, DEFAULT_ROOMS, MembersAnswer, OfRoom, RoomsAnswer, RoomsQuery } from '../schemas/http.ts'
import { refuseAdmin, refuseMembers } from '../session/permissions.ts'
import type { Services } from '../session/services.ts'
import { guard, roomOf } from './access.ts'

interface RoomsOptions {
  readonly auth: Authenticator | undefined
  readonly presence: Services['presence']
  readonly rules: Services['rules']
  readonly hooks: Services['hooks']
}

const MEMBERS = {
  tags: ['rooms'],
  summary: 'Who is in a room, over all replicas',
  params: OfRoom,
  response: answers(MembersAnswer, 'bad_room', 'unauthenticated', 'token_expired', 'forbidden', 'rate_limited', 'unavailable')
}

const ROOMS = {
  tags: ['rooms'],
  summary: 'The rooms somebody is in, over all replicas, by name',
  description: 'While there are `more`, the next page is the one `after` the last room of this one.',
  querystring: RoomsQuery,
  response: answers(RoomsAnswer, 'bad_message', 'unauthenticated', 'token_expired', 'forbidden', 'rate_limited', 'unavailable')
}

/** `GET /rooms/:room/members`: who is there. `GET /rooms`: where somebody is. Both over all replicas. */
export const roomRoutes: FastifyPluginAsyncTypebox<RoomsOptions> = async (app, { auth, presence, rules, hooks }) => {
  const mayAsk = guard(auth, (grants, request) => {
    const room = roomOf(request)
    if (!isRoomName(room)) return refusal('bad_room', `room: this is no name: ${NAME_RULE}`)
    return refuseMembers(grants, room, rules.of(room))
  }, { hooks, action: 'members', roomOf })
  app.get('/rooms/:room/members', { schema: MEMBERS, ...mayAsk }, async ({ params: { room } }, reply) => {
    const { count, list } = await presence.members(room)
    return reply.type('application/json; charset=utf-8').send(`{"room":"${room}","count":${count},"members":${list}}`)
  })

  app.get('/rooms', { schema: ROOMS, ...guard(auth, refuseAdmin, { hooks, action: 'admin' }) }, async ({ query }, reply) => {
    const { after = '', limit = DEFAULT_ROOMS } = query
    return reply.send(await presence.rooms(after, limit))
  })
}
