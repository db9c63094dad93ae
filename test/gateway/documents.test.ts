import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import t, { type Test } from 'tap'
import { connect, type Frame } from '../helpers/client.ts'
import { furnish, sharedPath } from '../helpers/doors.ts'
import { startGateway } from '../helpers/gateway.ts'
import { bearer, SECRET, tokenOf } from '../helpers/tokens.ts'

type Schema = Readonly<Record<string, unknown>>
interface Answer { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }
interface Operation {
  readonly summary?: string
  readonly tags?: readonly string[]
  readonly security?: readonly object[]
  readonly responses: Readonly<Record<string, Answer>>
}
interface OpenApi {
  readonly openapi: string
  readonly security: readonly object[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

const ajv = new Ajv({ strict: false })
addFormats.default(ajv)
const RIGHTS = { rooms: { '*': ['join', 'publish'] }, can: ['broadcast', 'move', 'admin'] }
const NO_RATES = { RATE_HTTP: '0', RATE_PUBLISHES: '0', RATE_REQUESTS: '0', RATE_USER_PUBLISHES: '0', RATE_FILES: '0', FILE_MAX_BYTES: '60000' }

/** Some questions of each operation, good and bad: `METHOD path body`. */
const ASKED: Readonly<Record<string, ReadonlyArray<readonly [path: string, body?: unknown]>>> = {
  'get /position': [['/position']],
  'post /position': [['/position', { delta: 5 }], ['/position', { delta: 'x' }], ['/position', { delta: 2 ** 53 - 1 }]],
  'get /rooms': [['/rooms'], ['/rooms?limit=1&after=a'], ['/rooms?limit=0']],
  'get /rooms/{room}/members': [['/rooms/general/members'], ['/rooms/-/members'], ['/rooms/live:a/members']],
  'post /rooms/{room}/messages': [
    ['/rooms/general/messages', { content: 1 }], ['/rooms/general/messages', { content: 1, key: 'k' }],
    ['/rooms/general/messages', { content: 1, key: 'k' }], ['/rooms/general/messages', { content: 2, key: 'k' }],
    ['/rooms/live:a/messages', { content: 1 }], ['/rooms/general/messages', {}], ['/rooms/-/messages', { content: 1 }],
    ['/rooms/position/messages', { content: 1 }], ['/rooms/general/messages', { content: 'x'.repeat(70_000) }]
  ],
  'get /rooms/{room}/messages': [
    ['/rooms/general/messages'], ['/rooms/general/messages?limit=1&before=2'], ['/rooms/general/messages?since=e.1.x'],
    ['/rooms/position/messages'], ['/rooms/$all/messages'], ['/rooms/live:a/messages'], ['/rooms/general/messages?since=x'],
    ['/rooms/-/messages'], ['/rooms/general/messages?limit=0']
  ],
  'post /broadcast': [['/broadcast', { content: 1 }], ['/broadcast', {}]],
  'post /rooms/{room}/files': [
    ['/rooms/general/files?name=a.json', { any: 'text' }], ['/rooms/general/files?name=a.png', { no: 'picture' }], ['/rooms/-/files', {}],
    ['/rooms/position/files', {}], ['/rooms/general/files', 'x'.repeat(70_000)]
  ],
  'get /rooms/{room}/files/link': [['/rooms/general/files/link'], ['/rooms/-/files/link']],
  'get /files/{id}/{name}': [['/files/:shared'], ['/files/a/b'], ['/files/a/b?expires=x'], ['/files/a/b?expires=1&signature=x']],
  'delete /users/{user}/connections': [['/users/nobody/connections'], ['/users//connections']],
  'get /ws': [['/ws']],
  'get /events': [['/events?room=general'], ['/events'], ['/events?room=-'], ['/events?room=a&lastEventId=x'], ['/events?room=a&lastEventId=stop']],
  'get /healthz': [['/healthz']],
  'get /readyz': [['/readyz']],
  'get /metrics': [['/metrics']],
  'get /docs/asyncapi.json': [['/docs/asyncapi.json']]
}

async function documentOf (http: string): Promise<OpenApi> {
  return await (await fetch(`${http}/docs/json`)).json() as OpenApi
}

function operationsOf ({ paths }: OpenApi): Map<string, Operation> {
  return new Map(Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [`${method} ${path}`, operation] as const)))
}

/** An answer must be one that is documented, and of its schema. */
async function isAsDocumented (t: Test, name: string, { responses }: Operation, answer: Response): Promise<void> {
  const documented = responses[answer.status]
  // It would not end.
  const isStream = answer.headers.get('content-type') === 'text/event-stream'
  if (isStream) await answer.body!.cancel()
  const text = isStream ? '' : await answer.text()
  t.ok(documented, `${name}: ${answer.status} is documented; ${text.slice(0, 100)}`)
  const schema = documented?.content?.['application/json']?.schema
  if (schema === undefined) return
  const isValid = ajv.compile(schema)
  t.ok(isValid(JSON.parse(text)), `${name}: ${answer.status} ${JSON.stringify(isValid.errors)} ${text.slice(0, 100)}`)
}

t.test('the OpenAPI document is valid, as JSON and as YAML, in an open gateway and in one with tokens', async (t) => {
  for (const env of [{}, { AUTH_SECRET: SECRET }] as ReadonlyArray<Record<string, string>>) {
    const { http } = await startGateway(t, env)
    for (const path of ['/docs/json', '/docs/yaml']) {
      const validator = new Validator()
      const text = await (await fetch(http + path)).text()
      // A text on one line would be the name of a file.
      const { valid, errors } = await validator.validate(path.endsWith('json') ? JSON.parse(text) as Record<string, unknown> : text)
      t.ok(valid, JSON.stringify(errors ?? '').slice(0, 1_000))
      t.equal(validator.version, '3.1')
    }
    const { security } = await documentOf(http)
    t.equal(security.length, 'AUTH_SECRET' in env ? 1 : 0, 'a token is asked for where it is needed')
  }
})

t.test('every documented route is asked, and answers as it is documented', async (t) => {
  const guarded = await startGateway(t, { AUTH_SECRET: SECRET, POSITION_MAX: '1000', ...NO_RATES })
  const open = await startGateway(t, NO_RATES)
  await Promise.all([guarded, open].map(furnish))
  const document = await documentOf(guarded.http)
  const operations = operationsOf(document)
  t.strictSame(Object.keys(ASKED).sort(), [...operations.keys()].sort(), 'all of them')
  const member = await connect(t, `${guarded.ws}?join=general`, bearer(await tokenOf('bob', { info: { team: 1 } })))
  await member.next('joined')
  const tokens = [await tokenOf('ann', RIGHTS), await tokenOf('eve', { rooms: {} }), undefined]
  const askers = [...tokens.map((token) => [guarded, token] as const), [open, undefined] as const]
  for (const [name, questions] of Object.entries(ASKED)) {
    const operation = operations.get(name)!
    const method = name.split(' ')[0]!.toUpperCase()
    const seen = new Set<number>()
    for (const [path, body] of questions) {
      for (const [gateway, token] of askers) {
        const sent = body === undefined ? {} : { body: JSON.stringify(body) }
        const headers = new Headers(token === undefined ? {} : bearer(token).headers)
        if (body !== undefined) headers.set('content-type', 'application/json')
        const answer = await fetch(gateway.http + path.replace('/files/:shared', () => sharedPath(gateway)), { method, headers, ...sent })
        seen.add(answer.status)
        await isAsDocumented(t, `${method} ${path}`, operation, answer)
      }
    }
    t.ok(operation.summary !== undefined && operation.tags?.length === 1, `${name} says what it is for`)
    const isPublic = (operation.security ?? document.security).length === 0
    t.equal(seen.has(401), !isPublic && name !== 'get /ws', `${name} asks for a token`)
    t.ok(seen.has(200) || name === 'get /ws', `${name} succeeds`)
  }
})

t.test('the AsyncAPI document is valid', async (t) => {
  const { http } = await startGateway(t)
  const document = await (await fetch(`${http}/docs/asyncapi.json`)).json() as Schema
  const file = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.0.0-without-$id.json')
  const meta = new Ajv({ strict: false, allErrors: true, validateFormats: false })
  const isValid = meta.compile(JSON.parse(readFileSync(file, 'utf8')) as Schema)
  t.ok(isValid(document), JSON.stringify(isValid.errors?.slice(0, 3)))
  t.notOk(isValid({ ...document, channels: { socket: { address: 5 } } }), 'the validator finds what is wrong')
  t.strictSame(unresolved(document, document), [], 'every reference leads somewhere')
})

/** References into the document that lead nowhere. */
function unresolved (part: unknown, document: Schema): string[] {
  if (typeof part !== 'object' || part === null) return []
  const { $ref } = part as { $ref?: string }
  const path = $ref?.slice(2).split('/') ?? []
  const isThere = path.reduce<unknown>((at, name) => (at as Schema | undefined)?.[name], document) !== undefined
  return [...isThere ? [] : [$ref!], ...Object.values(part).flatMap((each) => unresolved(each, document))]
}

t.test('what the gateway says on a socket is as it is documented', async (t) => {
  const { http, ws } = await startGateway(t, { AUTH_SECRET: SECRET, LOG_ENTRIES: '2', ...NO_RATES })
  const frames = await framesOf(http)
  const seen = new Set<string>()
  const isKnown = (frame: Frame): void => {
    seen.add(frame.type)
    const isValid = frames.get(frame.type)!
    t.ok(isValid(frame), `${JSON.stringify(frame).slice(0, 150)} ${JSON.stringify(isValid.errors)}`)
  }
  const ann = await tokenOf('ann', { ...RIGHTS, info: { name: 'Ann' } })
  const client = await connect(t, ws, bearer(ann))
  isKnown(client.welcome)
  const requests = [
    { type: 'join', room: 'general' }, { type: 'join', room: 'position' }, { type: 'join', room: 'live:a' },
    ...[1, 2, 3].map((content) => ({ type: 'message', room: 'general', content })),
    { type: 'message', room: 'general', content: { a: 1 }, key: 'k' }, { type: 'message', room: 'general', content: { a: 1 }, key: 'k' },
    { type: 'message', room: 'live:a', content: null }, { type: 'message', room: 'general', content: 1, ephemeral: true },
    { type: 'broadcast', content: 'noon' }, { type: 'move', delta: 5 }, { type: 'members', room: 'general' },
    { type: 'history', room: 'general' }, { type: 'history', room: '$all' }, { type: 'history', room: 'position' },
    { type: 'join', room: 'general', since: 'other.1.x', history: 1 }, { type: 'auth', token: ann }, { type: 'ping' },
    { type: 'leave', room: 'live:a' }, { type: 'leave' }, { type: 'message', room: 'nowhere', content: 1 }, { type: 'shout' }
  ]
  const other = await connect(t, `${ws}?join=general&join=general`, bearer(await tokenOf('bob', { info: 7 })))
  await other.next('joined')
  for (const request of requests) isKnown(await client.ask(request))
  isKnown(await client.ask({ type: 'join', room: 'nobody', since: 'x' }))
  isKnown(await other.ask({ type: 'leave', room: 'general' }))
  await client.until('who leaves', () => client.presence.some(({ event }) => event === 'leave'))
  // Broadcasts wait for a cursor, for a second.
  await client.until('the broadcast', () => client.frames.some(({ type }) => type === 'broadcast'))
  for (const frame of [...client.presence, ...client.frames]) isKnown(frame)
  t.strictSame([...frames.keys()].filter((name) => !seen.has(name)), ['goodbye'], 'all were heard but the goodbye')
})

t.test('the goodbye is as it is documented', async (t) => {
  const { gateway, http, ws } = await startGateway(t)
  const isValid = (await framesOf(http)).get('goodbye')!
  const client = await connect(t, ws)
  const stopped = gateway.stop(0)
  t.ok(isValid(await client.next('goodbye')), JSON.stringify(isValid.errors))
  client.socket.close()
  await stopped
})

async function framesOf (http: string): Promise<Map<string, ReturnType<typeof ajv.compile>>> {
  type Messages = Readonly<Record<string, { readonly payload: Schema }>>
  interface Document { readonly channels: { readonly socket: { readonly messages: Messages } } }
  const { channels } = await (await fetch(`${http}/docs/asyncapi.json`)).json() as Document
  return new Map(Object.entries(channels.socket.messages).filter(([name]) => !name.endsWith('.request'))
    .map(([name, { payload }]) => [name, ajv.compile(payload)]))
}
