import Type from 'typebox'
import type { Request } from '../protocol/messages.ts'
import { count, RoomName, User } from './fields.ts'
import { FRAMES } from './frames.ts'
import { REQUESTS } from './requests.ts'

/** What a request is answered with, apart from `error`. */
const REPLIES: Readonly<Record<Request['type'], readonly string[]>> = {
  join: ['joined'],
  leave: ['left'],
  message: ['ack'],
  broadcast: ['ack'],
  move: ['ack'],
  members: ['members'],
  history: ['history'],
  auth: ['authenticated'],
  ping: ['pong']
}

const ASKED = '.request'
const QUERY = Type.Object({
  token: Type.Optional(Type.String({ description: 'a JWT, for browsers, which cannot set a header' })),
  user: Type.Optional(User),
  join: Type.Optional(Type.Array(RoomName)),
  history: Type.Optional(count(0))
})

const toMessage = (name: string): object => ({ $ref: `#/channels/socket/messages/${name}` })

/**
 * The socket in AsyncAPI 3 (https://www.asyncapi.com/docs/reference/specification/v3.0.0), out of the schemas that hold
 * protocol/codec.ts and the frames; operations are told from the gateway's side.
 */
export function asyncApiDocument (version: string, path: string): object {
  const asked = Object.entries(REQUESTS).map(([name, payload]) => [`${name}${ASKED}`, { name, payload }] as const)
  const sent = Object.entries(FRAMES).map(([name, payload]) => [name, { name, payload }] as const)
  const requests = Object.keys(REQUESTS).map((type) => [type, {
    action: 'receive',
    channel: { $ref: '#/channels/socket' },
    messages: [toMessage(`${type}${ASKED}`)],
    reply: {
      channel: { $ref: '#/channels/socket' },
      messages: [...REPLIES[type as Request['type']], 'error'].map(toMessage)
    }
  }] as const)
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Tidegate, the socket',
      version,
      description: 'Text frames, UTF-8, one JSON object a frame. docs/protocol.md says what happens when.',
      license: { name: 'MIT' }
    },
    defaultContentType: 'application/json',
    channels: {
      socket: {
        address: `${path}/ws`,
        messages: Object.fromEntries([...asked, ...sent]),
        bindings: { ws: { method: 'GET', query: QUERY, bindingVersion: '0.1.0' } }
      }
    },
    operations: {
      ...Object.fromEntries(requests),
      tell: {
        action: 'send',
        channel: { $ref: '#/channels/socket' },
        messages: Object.keys(FRAMES).map(toMessage)
      }
    }
  }
}
