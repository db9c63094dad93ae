import t, { type Test } from 'tap'
import { connect, type Frame, refused } from '../helpers/client.ts'
import { type RunningGateway, startGateway } from '../helpers/gateway.ts'
import { Issuer } from '../helpers/issuer.ts'
import { bearer, forge, nowS, SECRET, tokenOf } from '../helpers/tokens.ts'

const BOTH = ['join', 'publish']
const ROOMS = ['red', 'blue', 'live:g', 'position']

async function startGuarded (t: Test, env: Readonly<Record<string, string>> = {}): Promise<RunningGateway> {
  return await startGateway(t, { AUTH_SECRET: SECRET, ...env })
}

function allow (...rooms: string[]): { rooms: Record<string, string[]> } {
  return { rooms: Object.fromEntries(rooms.map((room) => [room, BOTH])) }
}

function types (frames: readonly Frame[]): unknown[] {
  return frames.map(({ type, room, reason }) => [type, room, reason].filter((word) => word !== undefined).join(' '))
}

t.test('a fresh token with fewer rights leaves the rooms it lost, and nothing of them comes any more', async (t) => {
  const { ws } = await startGuarded(t)
  const query = `?${ROOMS.map((room) => `join=${room}`).join('&')}`
  const eve = await connect(t, ws + query, bearer(await tokenOf('eve', { can: ['broadcast', 'move'] })))
  const ann = await connect(t, ws + query, bearer(await tokenOf('ann', { ...allow(...ROOMS), can: ['broadcast', 'move'] })))
  for (const client of [ann, eve]) await client.until('in', () => types(client.frames).includes('position position'))
  await Promise.all([ann.settle(), eve.settle()])
  const token = await tokenOf('ann', allow('blue'))
  t.match(await ann.ask({ type: 'auth', token }), { type: 'authenticated', user: 'ann', expires: /Z$/ })
  for (const room of ['red', 'live:g', 'position']) {
    t.strictSame(await ann.take((frame) => frame.room === room, room), { type: 'left', room, reason: 'forbidden' })
  }
  t.match(await ann.ask({ type: 'message', room: 'blue', content: 0 }), { type: 'ack' }, 'the others stay')
  await ann.next('message')
  const forbidden = { type: 'error', code: 403, reason: 'forbidden' }
  for (const room of ['red', 'live:g', 'position']) {
    t.match(await ann.ask({ type: 'join', room }), forbidden, room)
    t.match(await ann.ask({ type: 'history', room }), forbidden, room)
    t.match(await ann.ask({ type: 'message', room, content: 1 }), forbidden, room)
    t.match(await ann.ask({ type: 'message', room, content: 1, ephemeral: true }), forbidden, room)
  }
  t.match(await ann.ask({ type: 'broadcast', content: 1 }), forbidden)
  t.match(await ann.ask({ type: 'move', delta: 1 }), forbidden)
  t.strictSame(types(await eve.settle()), ['message blue'])
  for (const room of ['red', 'live:g', 'blue']) await eve.ask({ type: 'message', room, content: room })
  await eve.ask({ type: 'message', room: 'red', content: 1, ephemeral: true })
  await eve.ask({ type: 'move', delta: 1 })
  await eve.ask({ type: 'broadcast', content: 'the end' })
  await ann.until('the end', () => types(ann.frames).includes('broadcast'))
  t.strictSame(types(await ann.settle()), ['message blue', 'broadcast'])
})

t.test('a fresh token with more rights opens what was closed, and tells nobody else', async (t) => {
  const { ws } = await startGuarded(t)
  const ann = await connect(t, ws, bearer(await tokenOf('ann', allow('blue'))))
  const other = await connect(t, ws, bearer(await tokenOf('ann', allow('blue'))))
  t.match(await ann.ask({ type: 'join', room: 'red' }), { code: 403 })
  t.match(await ann.ask({ type: 'auth', token: await tokenOf('ann', { can: ['move', 'broadcast'] }) }), { type: 'authenticated' })
  t.match(await ann.ask({ type: 'join', room: 'red' }), { type: 'joined' })
  t.match(await ann.ask({ type: 'message', room: 'red', content: 1 }), { type: 'ack' })
  t.match(await ann.ask({ type: 'move', delta: 1 }), { type: 'ack' })
  t.match(await ann.ask({ type: 'broadcast', content: 1 }), { type: 'ack' })
  t.match(await other.ask({ type: 'join', room: 'red' }), { code: 403 }, 'each connection has a token of its own')
})

t.test('a token of another user, a bad one, or one that has expired changes nothing', async (t) => {
  const { ws } = await startGuarded(t)
  const ann = await connect(t, `${ws}?join=red`, bearer(await tokenOf('ann', { ...allow('red'), can: ['move'] })))
  const eve = await connect(t, ws, bearer(await tokenOf('eve')))
  const all = { can: ['broadcast', 'move', 'admin'] }
  const cases: ReadonlyArray<readonly [token: string, answer: object]> = [
    [await tokenOf('bob', all), { code: 403, reason: 'forbidden', message: /^token: sub: / }],
    [await tokenOf('Ann', all), { code: 403, reason: 'forbidden', message: /^token: sub: / }],
    [await tokenOf('ann ', all), { code: 403, reason: 'forbidden', message: /^token: sub: / }],
    [await tokenOf('ann', all, -60), { code: 401, reason: 'token_expired' }],
    ['bad', { code: 401, reason: 'unauthenticated' }]
  ]
  await ann.next('joined')
  for (const [token, answer] of cases) {
    t.match(await ann.ask({ type: 'auth', token }), { type: 'error', ...answer })
    t.match(await ann.ask({ type: 'join', room: 'blue' }), { code: 403 }, 'no new rights')
    t.match(await ann.ask({ type: 'broadcast', content: 1 }), { code: 403 })
    t.match(await ann.ask({ type: 'message', room: 'red', content: 1 }), { type: 'ack' }, 'and the old ones')
    t.match(await ann.next('message'), { from: 'ann' })
    t.match(await ann.ask({ type: 'move', delta: 1 }), { type: 'ack' })
  }
  t.strictSame(types(await ann.settle()), [])
  t.strictSame(types(await eve.settle()), [])
})

t.test('a connection whose token ends is closed; one that is renewed in time stays, even renewed twice', async (t) => {
  const { ws } = await startGuarded(t)
  // Within the leeway: it ends in 2 to 3 s.
  const soon = (): Promise<string> => tokenOf('ann', {}, -2)
  const ended = await connect(t, `${ws}?join=red`, bearer(await soon()))
  const inAddress = await connect(t, `${ws}?token=${await soon()}`)
  const renewed = await connect(t, `${ws}?join=red`, bearer(await soon()))
  const shortened = await connect(t, ws, bearer(await tokenOf('ann')))
  t.match(await renewed.ask({ type: 'auth', token: await tokenOf('bob') }), { code: 403 })
  t.match(await renewed.ask({ type: 'auth', token: await tokenOf('ann', {}, 60) }), { type: 'authenticated' })
  t.match(await renewed.ask({ type: 'auth', token: await tokenOf('ann', {}, 120) }), { type: 'authenticated' })
  t.match(await shortened.ask({ type: 'auth', token: await soon() }), { type: 'authenticated' })
  for (const client of [ended, inAddress, shortened]) {
    t.strictSame(await client.closed, { code: 4401, reason: 'token bad, expired or revoked' })
    t.ok(Date.now() >= Date.parse(String(ended.welcome['expires'])) + 5_000, 'not before the leeway is over')
  }
  t.match(await renewed.ask({ type: 'message', room: 'red', content: 1 }), { type: 'ack' })
})

t.test('welcome and authenticated say when the token ends', async (t) => {
  const { ws } = await startGuarded(t)
  const exp = nowS() + 60
  const token = forge({ alg: 'HS256' }, { sub: 'ann', exp })
  const ann = await connect(t, ws, bearer(token))
  const expires = new Date(exp * 1_000).toISOString()
  t.equal(ann.welcome['expires'], expires)
  t.match(await ann.ask({ type: 'auth', token }), { type: 'authenticated', user: 'ann', expires })
})

t.test('while the issuer is away nobody can tell: 503 at every door, and the connection stays', async (t) => {
  const issuer = await Issuer.start(t)
  issuer.respond = (response) => response.writeHead(500).end()
  const { ws, http } = await startGuarded(t, { AUTH_JWKS_URL: issuer.url })
  const token = await issuer.sign('ES256', { sub: 'ann', exp: nowS() + 60 })
  const ann = await connect(t, ws, bearer(await tokenOf('ann')))
  const unavailable = { code: 503, reason: 'unavailable', message: /keys/ }
  t.match(await ann.ask({ type: 'auth', token }), { type: 'error', ...unavailable, retryable: true })
  for (const [address, options] of [[ws, bearer(token)], [`${ws}?token=${token}`, {}]] as const) {
    t.match(await refused(address, options), { status: 503, body: unavailable, retryAfter: '1' })
  }
  const answer = await fetch(`${http}/position`, bearer(token))
  t.equal(answer.status, 503)
  t.equal(answer.headers.get('retry-after'), '1')
  t.equal(answer.headers.get('www-authenticate'), null)
  t.match(await answer.json(), unavailable)
  t.equal(issuer.requests, 1)
  t.match(await ann.ask({ type: 'ping' }), { type: 'pong' })
  await connect(t, ws, bearer(await tokenOf('bob')))
})
