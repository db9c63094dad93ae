import type { Test } from 'tap'
import { type Client, connect, type Frame } from './client.ts'
import type { RunningGateway } from './gateway.ts'
import { tokenOf } from './tokens.ts'

type Right = `${'join' | 'publish'} ${string}` | 'broadcast' | 'move' | 'admin'

const ROOMS = ['general', 'live:g', 'latest:g', 'position']

export const ALL_RIGHTS: readonly Right[] = [
  ...ROOMS.flatMap((room): Right[] => [`join ${room}`, `publish ${room}`]), 'broadcast', 'move', 'admin'
]

/** A token that allows this, and nothing else. */
export async function tokenWith (rights: readonly Right[], user = 'ann'): Promise<string> {
  const rooms = ROOMS.map((room) =>
    [room, ['join', 'publish'].filter((action) => rights.includes(`${action} ${room}` as Right))] as const)
  return await tokenOf(user, { rooms: Object.fromEntries(rooms), can: rights.filter((right) => !right.includes(' ')) })
}

/** One thing that a client can ask for. */
interface Door {
  readonly name: string
  readonly needs: Right
  /** What it takes besides, without which something else would be refused first. */
  readonly holds?: readonly Right[] | undefined
  /** A route, as Fastify has it. */
  readonly route?: string | undefined
  /** What others see of it: the type of a frame. */
  readonly seen?: 'message' | 'broadcast' | 'position' | undefined
  /** Asks, with a token or in an open gateway; what was answered has a `code` of 200, or of an error. */
  readonly ask: (t: Test, gateway: RunningGateway, token: string | undefined) => Promise<Frame>
}

/** Whoever may do everything, and is in every room. */
export async function openWitness (t: Test, { ws }: RunningGateway, user: string, token?: string): Promise<Client> {
  const address = `${ws}?user=${user}&${ROOMS.map((room) => `join=${room}`).join('&')}`
  const witness = await connect(t, address, token === undefined ? {} : { headers: headersOf(token) })
  for (const room of ROOMS) await witness.take((frame) => frame.type === 'joined' && frame.room === room, `in ${room}`)
  await witness.next('position')
  return witness
}

/** What a witness sees until it has seen something of its own in every room: who sent it, or what position it is. */
export async function seenBy (witness: Client): Promise<unknown[]> {
  const marks = [
    ...ROOMS.filter((room) => room !== 'position').map((room) => ({ type: 'message', room, content: 'mark' })),
    { type: 'broadcast', content: 'mark' }
  ]
  for (const mark of marks) await witness.ask(mark)
  const isMark = ({ content }: Frame): boolean => content === 'mark'
  await witness.until('the marks', () => witness.frames.filter(isMark).length === marks.length)
  return witness.frames.splice(0).filter((frame) => !isMark(frame)).map(({ from, position }) => from ?? position)
}

function headersOf (token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}

async function enter (t: Test, { ws }: RunningGateway, token: string | undefined, query = '?user=ann'): Promise<Client> {
  return await connect(t, `${ws}${query}`, { headers: headersOf(token) })
}

async function settled (client: Client, answer: Frame): Promise<Frame> {
  await client.ask({ type: 'ping' })
  client.socket.close()
  await client.closed
  return answer.type === 'error' ? answer : { ...answer, code: 200 }
}

function onSocket (name: string, needs: Right, request: object, seen?: Door['seen']): Door {
  return {
    name,
    needs,
    seen,
    ask: async (t, gateway, token) => {
      const client = await enter(t, gateway, token)
      return await settled(client, await client.ask(request))
    }
  }
}

function publishing (name: string, room: string, fields: object = {}): Door {
  return {
    name: `message ${name}`,
    needs: `publish ${room}`,
    holds: [`join ${room}`],
    seen: 'message',
    ask: async (t, gateway, token) => {
      const client = await enter(t, gateway, token)
      t.match(await client.ask({ type: 'join', room }), { type: 'joined' })
      return await settled(client, await client.ask({ type: 'message', room, content: 'hello', ...fields }))
    }
  }
}

function joining (room: string): Door[] {
  return [
    onSocket(`join ${room}`, `join ${room}`, { type: 'join', room }),
    {
      name: `?join=${room}`,
      needs: `join ${room}`,
      ask: async (t, gateway, token) => {
        const client = await enter(t, gateway, token, `?join=${room}`)
        const answer = await client.take(({ type }) => type === 'joined' || type === 'error', 'an answer')
        return await settled(client, answer)
      }
    }
  ]
}

function overHttp (route: string, needs: Right, body?: object, seen?: Door['seen'], query = ''): Door {
  const [method = '', path = ''] = route.split(' ')
  return {
    name: route,
    needs,
    route,
    seen,
    ask: async (_t, { http }, token) => {
      const headers = { ...headersOf(token), ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
      const sent = body === undefined ? {} : { body: JSON.stringify(body) }
      const url = http + path.replace(':user', 'nobody').replace(':room', 'general') + query
      const answer = await fetch(url, { method, headers, ...sent })
      const text = await answer.text()
      return { type: 'http', code: answer.status, ...(answer.ok || text === '' ? {} : JSON.parse(text) as object) }
    }
  }
}

const shared = new WeakMap<RunningGateway, string>()

/** What must be there before anybody watches: a file in `general`. */
export async function furnish (gateway: RunningGateway): Promise<void> {
  const headers = headersOf(await tokenWith(ALL_RIGHTS, 'founder'))
  const answer = await fetch(`${gateway.http}/rooms/general/files?name=a.txt`, { method: 'POST', headers, body: 'hello' })
  shared.set(gateway, (await answer.json() as { file: { url: string } }).file.url)
}

/** Where the file is that `furnish` has shared. */
export function sharedPath (gateway: RunningGateway): string {
  return shared.get(gateway)!
}

function sharedFile (method: 'GET' | 'HEAD'): Door {
  return {
    name: `${method} /files/:id/:name`,
    needs: 'join general',
    route: `${method} /files/:id/:name`,
    ask: async (_t, gateway, token) => {
      const answer = await fetch(gateway.http + sharedPath(gateway), { method, headers: headersOf(token) })
      const text = await answer.text()
      return { type: 'http', code: answer.status, ...(answer.ok || text === '' ? {} : JSON.parse(text) as object) }
    }
  }
}

/** An answer that does not end: what is refused is read, and the rest is left. */
function followingEvents (): Door {
  return {
    name: 'GET /events',
    needs: 'join general',
    route: 'GET /events',
    ask: async (_t, { http }, token) => {
      const enough = new AbortController()
      const answer = await fetch(`${http}/events?room=general&user=ann`, { headers: headersOf(token), signal: enough.signal })
      const refused = answer.ok ? {} : await answer.json() as object
      enough.abort()
      return { type: 'http', code: answer.status, ...refused }
    }
  }
}

/** Everything that asks for a right. Whoever adds a route adds it here, or to the public ones. */
export const DOORS: readonly Door[] = [
  ...ROOMS.flatMap(joining),
  publishing('in a log room', 'general'),
  publishing('in a latest room', 'latest:g'),
  publishing('in a live room', 'live:g'),
  publishing('that is ephemeral', 'general', { ephemeral: true }),
  publishing('without an echo', 'general', { echo: false }),
  publishing('with a key', 'general', { key: 'k' }),
  onSocket('history of a log room', 'join general', { type: 'history', room: 'general' }),
  onSocket('history of a latest room', 'join latest:g', { type: 'history', room: 'latest:g' }),
  onSocket('history of a live room', 'join live:g', { type: 'history', room: 'live:g' }),
  onSocket('history of the position', 'join position', { type: 'history', room: 'position' }),
  onSocket('broadcast', 'broadcast', { type: 'broadcast', content: 'hello' }, 'broadcast'),
  onSocket('move', 'move', { type: 'move', delta: 5 }, 'position'),
  overHttp('GET /position', 'join position'),
  overHttp('HEAD /position', 'join position'),
  overHttp('POST /position', 'move', { delta: 5 }, 'position'),
  onSocket('members', 'join general', { type: 'members', room: 'general' }),
  overHttp('GET /rooms/:room/members', 'join general'),
  overHttp('HEAD /rooms/:room/members', 'join general'),
  followingEvents(),
  overHttp('HEAD /events', 'join general', undefined, undefined, '?room=general'),
  overHttp('POST /rooms/:room/messages', 'publish general', { content: 'hello' }, 'message'),
  overHttp('GET /rooms/:room/messages', 'join general'),
  overHttp('HEAD /rooms/:room/messages', 'join general'),
  overHttp('POST /rooms/:room/files', 'publish general', { any: 'text' }, 'message'),
  overHttp('GET /rooms/:room/files/link', 'join general'),
  overHttp('HEAD /rooms/:room/files/link', 'join general'),
  sharedFile('GET'),
  sharedFile('HEAD'),
  overHttp('POST /broadcast', 'broadcast', { content: 'hello' }, 'broadcast'),
  overHttp('GET /rooms', 'admin'),
  overHttp('HEAD /rooms', 'admin'),
  overHttp('DELETE /users/:user/connections', 'admin')
]

/** What asks for nothing; the upgrade asks for a token itself. */
export const PUBLIC_ROUTES: readonly string[] = [
  'GET /ws', 'HEAD /ws', 'GET /healthz', 'HEAD /healthz', 'GET /readyz', 'HEAD /readyz', 'GET /metrics', 'HEAD /metrics',
  'GET /', 'HEAD /',
  'GET /chat', 'HEAD /chat', 'GET /dashboard', 'HEAD /dashboard', 'GET /favicon.ico', 'HEAD /favicon.ico',
  'GET /assets/*', 'HEAD /assets/*', 'OPTIONS *',
  ...['', '/', '/json', '/yaml', '/asyncapi.json', '/static/*', '/static/index.html', '/static/swagger-initializer.js']
    .flatMap((path) => [`GET /docs${path}`, `HEAD /docs${path}`])
]
