import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { connect } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { RedisServer } from '../../cluster/redis.ts'

const redis = await RedisServer.start()
t.teardown(() => redis.stop())

/** The addresses of replicas on one Redis, under a prefix that no other test has. */
async function startTwo (t: Test, env: Record<string, string> = {}): Promise<[a: string, b: string]> {
  const REDIS_PREFIX = `test-${randomBytes(6).toString('hex')}:`
  const start = async (REPLICA: string): Promise<string> =>
    (await startGateway(t, { REDIS_URL: redis.url, REDIS_PREFIX, REPLICA, RATE_HTTP: '0', ...env })).http
  return [await start('gw-a'), await start('gw-b')]
}

interface Answer {
  readonly seq: number
  readonly cursor: string
  readonly messages: ReadonlyArray<{ readonly seq: number, readonly cursor: string }>
  readonly more: boolean
  readonly gap?: { readonly cursor: string }
}

async function post (url: string, body: object): Promise<Answer> {
  const headers = { 'content-type': 'application/json' }
  return await (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).json() as Answer
}

async function get (url: string): Promise<Answer> {
  return await (await fetch(url)).json() as Answer
}

t.test('a retry to another replica publishes once, whether it is stored or not, and everyone hears it once', async (t) => {
  const [a, b] = await startTwo(t)
  for (const path of ['/rooms/general/messages', '/rooms/live:a/messages', '/broadcast']) {
    const reader = await connect(t, `${b.replace('http', 'ws')}/ws?join=general&join=live:a`)
    for (const room of ['general', 'live:a']) await reader.take((frame) => frame.type === 'joined' && frame.room === room, room)
    const first = await post(a + path, { content: 'once', key: 'k' })
    t.strictSame(await post(b + path, { content: 'once', key: 'k' }), { ...first, duplicate: true }, path)
    t.match(await post(b + path, { content: 'other', key: 'k' }), { code: 409, reason: 'key_reused' })
    await post(a + path, { content: 'mark' })
    await reader.until('the mark', () => reader.frames.some(({ content }) => content === 'mark'))
    t.strictSame(reader.frames.map(({ content }) => content).filter((each) => each !== undefined), ['once', 'mark'])
    reader.socket.close()
  }
})

t.test('history is paged through on any replica, back and on, and a gap says where it ended', async (t) => {
  const [a, b] = await startTwo(t, { LOG_ENTRIES: '6' })
  const path = '/rooms/general/messages'
  for (let content = 1; content <= 6; content++) await post(a + path, { content })
  const first = await get(`${b}${path}?before=2`)
  const seen: number[] = []
  let since = first.messages[0]!.cursor
  for (let more = true, turn = 0; more; turn++) {
    const page = await get(`${turn % 2 === 0 ? a : b}${path}?limit=2&since=${since}`)
    seen.push(...page.messages.map(({ seq }) => seq))
    since = page.messages.at(-1)!.cursor
    more = page.more
  }
  t.strictSame(seen, [2, 3, 4, 5, 6])
  t.match(await get(`${b}${path}?since=${since}`), { messages: [], more: false, gap: undefined })
  for (let content = 7; content <= 14; content++) await post(a + path, { content })
  const late = await get(`${b}${path}?limit=3&since=${since}`)
  t.match(late, { more: false, gap: { type: 'gap', reason: 'trimmed', seq: 14 } })
  t.strictSame(late.messages.map(({ seq }) => seq), [12, 13, 14])
  t.match(await get(`${a}${path}?since=${late.gap!.cursor}`), { messages: [], more: false, gap: undefined })
})

t.test('while Redis is away nothing is published, and that is said', async (t) => {
  const own = await RedisServer.start()
  t.teardown(() => own.stop())
  const { http } = await startGateway(t, { REDIS_URL: own.url, RATE_HTTP: '0' })
  await own.stop()
  for (const path of ['/rooms/general/messages', '/broadcast']) {
    t.match(await post(http + path, { content: 1 }), { code: 503, reason: /^(unavailable|unknown_outcome)$/ })
  }
  for (const query of ['', '?since=e.1.x']) {
    t.match(await get(`${http}/rooms/general/messages${query}`), { code: 503, reason: 'unavailable' })
  }
})
