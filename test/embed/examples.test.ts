import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { Child } from '../../cluster/child.ts'
import { RedisServer } from '../../cluster/redis.ts'
import { connect } from '../helpers/client.ts'
import { installExample } from '../helpers/example.ts'
import { GatewayProcess } from '../helpers/process.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** A service that answers messages as they ask for. */
async function startModeration (t: Test): Promise<string> {
  const answer = (text: string, response: ServerResponse): void => {
    if (text === 'service down') response.writeHead(500).end()
    else if (text !== 'service hangs') response.end(JSON.stringify(text === 'service says no' ? { refuse: 'be kind' } : {}))
  }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => { body += String(chunk) })
    request.on('end', () => answer((JSON.parse(body) as { text: string }).text, response))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

/** As its README says, on a free port. */
async function startEmbedded (t: Test, env: Readonly<Record<string, string>>): Promise<{ http: string, child: Child }> {
  const folder = installExample(t, 'embedded')
  const [, command] = /```sh\nnpm install\n(.*)\n```/.exec(readFileSync(join(folder, 'README.md'), 'utf8'))!
  const [program, ...args] = command!.split(' ')
  t.equal(program, 'node')
  const child = await Child.spawn(process.execPath, args.map((file) => join(folder, file)), {
    env: { ...process.env, PORT: '0', ...env }, onLine: () => {}
  })
  t.teardown(() => child.end('SIGKILL'))
  const [, port] = await child.says(/Server listening at http:\/\/127\.0\.0\.1:(\d+)/)
  return { http: `http://127.0.0.1:${port}`, child }
}

async function logIn (t: Test, http: string, name: string): Promise<Awaited<ReturnType<typeof connect>>> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${http}/login`, { method: 'POST', headers, body: JSON.stringify({ name }) })
  const cookie = answer.headers.get('set-cookie')!.split(';')[0]!
  return await connect(t, `${http.replace('http', 'ws')}/realtime/ws?join=chat`, { headers: { cookie } })
}

t.test('examples/embedded runs as its README says: login, moderation, an own route, and SIGTERM', async (t) => {
  const { http, child } = await startEmbedded(t, { MODERATION_URL: await startModeration(t) })
  t.match(await (await fetch(http)).text(), /The shop/)
  const [ann, bob] = await Promise.all(['ann', 'bob'].map((name) => logIn(t, http, name)))
  for (const each of [ann!, bob!]) await each.next('joined')
  t.match(ann!.welcome, { user: 'ann' })
  t.match(await ann!.ask({ type: 'message', room: 'chat', content: 'darn it' }), { type: 'ack', seq: 1 })
  t.match(await bob!.next('message'), { from: 'ann', content: '**** it' })
  t.match(await ann!.ask({ type: 'message', room: 'chat', content: 'see https://x.example' }), { reason: 'forbidden', message: 'no links, please' })
  t.match(await ann!.ask({ type: 'message', room: 'chat', content: 'service says no' }), { reason: 'forbidden', message: 'be kind' })
  t.match(await ann!.ask({ type: 'message', room: 'chat', content: 'service down' }), { code: 503, reason: 'unavailable' })
  // While one message of ann's hangs, bob is not slower.
  ann!.send({ type: 'message', room: 'chat', content: 'service hangs', id: 'hangs' })
  const tookMs: number[] = []
  for (let n = 0; n < 20; n++) {
    const beganMs = performance.now()
    t.match(await bob!.ask({ type: 'message', room: 'chat', content: 'on and on' }), { type: 'ack', seq: n + 2 })
    tookMs.push(performance.now() - beganMs)
  }
  t.comment(`acks of another client while a hook hangs: at most ${Math.max(...tookMs).toFixed(1)} ms`)
  t.ok(Math.max(...tookMs) < 1_000, 'none waited for the deadline of the hook that hangs')
  t.match(await ann!.take(({ id }) => id === 'hangs', 'its refusal'), { code: 503, reason: 'unavailable', message: /in time/ })
  t.match(await ann!.ask({ type: 'join', room: 'orders:bob' }), { reason: 'forbidden', message: 'this is not your order' })
  t.match(await ann!.ask({ type: 'join', room: 'orders:ann' }), { type: 'joined' })
  t.match(await (await fetch(`${http}/orders/ann/ship`, { method: 'POST' })).json(), { seq: 1 })
  t.match(await ann!.take(({ room, type }) => room === 'orders:ann' && type === 'message', 'the order'), { content: { state: 'shipped' } })
  ann!.socket.close()
  bob!.socket.close()
  t.match(await child.end('SIGTERM'), { code: 0 })
})

t.test('examples/publisher publishes to a replica over Redis, once for a key, and ends by itself', async (t) => {
  const redis = await RedisServer.start()
  t.teardown(() => redis.stop())
  const { ws } = await new GatewayProcess(t, { PORT: '0', REDIS_URL: redis.url }).ready()
  const ann = await connect(t, `${ws}?join=news`)
  await ann.next('joined')
  const folder = installExample(t, 'publisher')
  t.ok(readFileSync(join(folder, 'publish.js'), 'utf8').trimEnd().split('\n').length <= 10)
  const [, file, text] = /node (publish\.js) news "(.*)"/.exec(readFileSync(join(folder, 'README.md'), 'utf8'))!
  const run = async (): Promise<string> => {
    const child = spawn(process.execPath, [join(folder, file!), 'news', text!], { env: { ...process.env, REDIS_URL: redis.url } })
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => { out += String(chunk) })
    const [code] = await once(child, 'close') as [number]
    t.equal(code, 0)
    return out
  }
  t.equal(await run(), 'published as number 1\n')
  t.match(await ann.next('message'), { from: 'job', content: text, seq: 1 })
  t.equal(await run(), 'number 1 already\n')
})

t.test('the examples, and a sample of the types, compile under strict rules against the package', async (t) => {
  const folder = installExample(t, 'embedded')
  cpSync(join(ROOT, 'examples/publisher/publish.js'), join(folder, 'publish.js'))
  cpSync(join(ROOT, 'examples/node-bot/bot.js'), join(folder, 'bot.js'))
  writeFileSync(join(folder, 'sample.ts'), SAMPLE)
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({
    compilerOptions: {
      strict: true,
      noEmit: true,
      allowJs: true,
      checkJs: true,
      module: 'nodenext',
      target: 'es2023',
      types: ['node'],
      skipLibCheck: true,
      exactOptionalPropertyTypes: true
    }
  }))
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  t.equal(spawnSync(process.execPath, [tsc, '-p', folder]).stdout.toString(), '')
})

const SAMPLE = `
import Fastify from 'fastify'
import { createPublisher, tidegate, TidegateError, type Hooks, type TidegateOptions } from 'tidegate'

const hooks: Hooks = {
  authenticate: async ({ token, headers, query, ip }, { signal }) =>
    signal.aborted || token === undefined ? null : { user: ip, info: { headers, query } },
  authorize: (_user, action) => action !== 'admin',
  onMessage: ({ content }) => typeof content === 'string' ? { content: content.trim() } : { refuse: 'text' },
  onLeave: ({ room, isDropped }) => { console.log(room, isDropped) }
}
const options: TidegateOptions = {
  prefix: '/rt', redis: 'redis://x', logMaxAgeMs: 5, allowedOrigins: ['https://x'], rateBytes: 5, hooks
}
const app = Fastify()
await app.register(tidegate, options)
const { seq, duplicate }: { seq: number | undefined, duplicate: boolean } = await app.tidegate.publish('r', {}, { key: 'k' })
console.log(seq, duplicate, (await app.tidegate.history('r')).messages[0]?.content)
const publisher = createPublisher({ redis: 'redis://x', redisPrefix: 'p:' })
await publisher.move(5).catch((error: unknown) => {
  if (error instanceof TidegateError && error.reason === 'unavailable') console.log(error.retryable)
})

// @ts-expect-error a duration is a number
export const a: TidegateOptions = { logMaxAgeMs: '5' }
// @ts-expect-error the port is the app's
export const b: TidegateOptions = { port: 80 }
// @ts-expect-error a hook that does not exist
export const c: Hooks = { onMesage: () => {} }
// @ts-expect-error true, false or a sentence
export const d: Hooks = { authorize: () => 5 }
// @ts-expect-error without Redis there is nobody to hear it
export const e = createPublisher({})
// @ts-expect-error no such kind
export const f: TidegateOptions = { rooms: { a: { kind: 'loud' } } }
`
