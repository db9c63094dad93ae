import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import t from 'tap'
import { eventually } from '../../cluster/until.ts'
import { connect } from '../helpers/client.ts'
import { FAST, joined, refusal } from '../helpers/event-streams.ts'
import { follow } from '../helpers/events.ts'
import { startGateway } from '../helpers/gateway.ts'
import { figuresOf } from '../helpers/metrics.ts'
import { bearer, SECRET, tokenOf } from '../helpers/tokens.ts'

t.test('a field that is wrong is named, and no stream begins', async (t) => {
  const { http } = await startGateway(t, { ...FAST, MAX_ROOMS_PER_CONNECTION: '8' })
  const many = (count: number): string => Array.from({ length: count }, (_, n) => `room=r${n}`).join('&')
  const cases: ReadonlyArray<readonly [query: string, status: number, reason: string, message: RegExp]> = [
    ['', 400, 'bad_message', /^room: missing/],
    ['?join=a', 400, 'bad_message', /^room: missing/],
    ['?room=', 400, 'bad_room', /^room: /],
    ['?room=a&room=a b', 400, 'bad_room', /^room: "a b"/],
    ['?room=$control', 400, 'bad_room', /^room: /],
    [`?${many(17)}`, 413, 'too_many_rooms', /^room: .*16/],
    [`?${many(9)}`, 413, 'too_many_rooms', /as many rooms/],
    ['?room=a&history=x', 400, 'bad_message', /^history: /],
    ['?room=a&history=-1', 400, 'bad_message', /^history: /],
    ['?room=a&history=1&history=2', 400, 'bad_message', /^history: /],
    ['?room=a&user=', 400, 'bad_message', /^user: /],
    ['?room=a&user=a&user=b', 400, 'bad_message', /^user: /],
    ['?room=a&lastEventId=x', 400, 'bad_cursor', /^lastEventId: /],
    ['?room=a&lastEventId=a/e.1.x&lastEventId=a/e.1.x', 400, 'bad_cursor', /^lastEventId: /]
  ]
  for (const [query, status, reason, message] of cases) {
    t.match(await refusal(http, query), [status, reason, message], query)
  }
  for (const id of ['x', `${'a/e.1.x,'.repeat(900)}`, 'a/e.1.x,a/e.2.y', '\u00ff']) {
    t.match(await refusal(http, '?room=a', { 'last-event-id': id }), [400, 'bad_cursor', /^Last-Event-ID: /], id.slice(0, 20))
  }
  t.equal((await figuresOf(http)).get('event_streams'), 0)
  t.ok((await figuresOf(http)).get('upgrades_refused_total{reason="bad_cursor"}')! >= 5)
})

t.test('who may not is refused before the stream begins', async (t) => {
  const { http } = await startGateway(t, { ...FAST, AUTH_SECRET: SECRET })
  const token = await tokenOf('ann', { rooms: { 'chat:*': ['join'] } })
  t.match(await refusal(http, '?room=chat:1'), [401, 'unauthenticated'])
  t.match(await refusal(http, '?room=chat:1&token=bad'), [401, 'unauthenticated'])
  t.match(await refusal(http, `?room=chat:1&room=secret&token=${token}`), [403, 'forbidden', /join secret$/])
  const stream = await follow(t, http, `room=chat:1&token=${token}`)
  t.match(await stream.next('welcome'), { user: 'ann', expires: String })
  const byHeader = await follow(t, http, 'room=chat:1&room=$all&user=eve', bearer(token).headers)
  t.match(await byHeader.next('welcome'), { user: 'ann' })
  await joined(byHeader, ['chat:1'])
})

t.test('pages of other origins are refused, and those that are listed may read', async (t) => {
  const { http } = await startGateway(t, { ...FAST, ALLOWED_ORIGINS: 'https://there.example' })
  t.match(await refusal(http, '?room=a', { origin: 'https://evil.example' }), [403, 'forbidden', /origin/])
  const stream = await follow(t, http, 'room=a', { origin: 'https://there.example' })
  t.equal(stream.response.headers['access-control-allow-origin'], 'https://there.example')
  t.equal(stream.response.headers['content-security-policy']?.includes("default-src 'none'"), true)
  const preflight = await fetch(`${http}/events`, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://there.example', 'access-control-request-method': 'GET', 'access-control-request-headers': 'last-event-id,authorization'
    }
  })
  t.equal(preflight.status, 204)
  t.match(preflight.headers.get('access-control-allow-headers'), /last-event-id/)
})

t.test('streams and sockets count together, for the replica and for an address, and are free when they end', async (t) => {
  const full = await startGateway(t, { MAX_CONNECTIONS: '2' })
  const socket = await connect(t, full.ws)
  const stream = await follow(t, full.http, 'room=a')
  t.match(await refusal(full.http, '?room=a'), [503, 'unavailable', /full/])
  t.equal((await fetch(`${full.http}/events?room=a`)).headers.get('retry-after'), '1')
  stream.close()
  await eventually('its place is free', async () => (await figuresOf(full.http)).get('connections') === 1)
  await (await follow(t, full.http, 'room=a')).next('welcome')
  t.match(await socket.ask({ type: 'ping' }), { type: 'pong' })

  const few = await startGateway(t, { MAX_CONNECTIONS_PER_ADDRESS: '2' })
  await connect(t, few.ws)
  await follow(t, few.http, 'room=a')
  t.match(await refusal(few.http, '?room=a'), [429, 'rate_limited', /address/])
  t.match(await figuresOf(few.http).then((figures) => figures.get('upgrades_refused_total{reason="rate_limited"}')), 1)
})

t.test('new streams have the rate of new connections', async (t) => {
  const { http } = await startGateway(t, { RATE_CONNECTIONS: '1' })
  for (let n = 0; n < 2; n++) await follow(t, http, 'room=a')
  const answer = await fetch(`${http}/events?room=a`)
  t.equal(answer.status, 503)
  t.ok(Number(answer.headers.get('retry-after')) >= 1)
})

t.test('the end of a token is told, and ends the stream; to come back with it is 401', async (t) => {
  const { http } = await startGateway(t, { ...FAST, AUTH_SECRET: SECRET })
  // With the leeway of 5 s.
  const token = await tokenOf('ann', {}, -3)
  const stream = await follow(t, http, `room=a&token=${token}`)
  await joined(stream, ['a'])
  const { lastEventId } = stream
  t.match(await stream.next('error'), { code: 401, reason: 'token_expired', retryable: false, lastEventId })
  t.equal(await stream.ended, true, 'an end, and no break')
  t.match(await refusal(http, `?room=a&token=${token}`, { 'last-event-id': lastEventId }), [401, 'token_expired'])
  const again = await follow(t, http, `room=a&token=${await tokenOf('ann')}`, { 'last-event-id': lastEventId })
  t.match(await again.next('joined'), { recovered: true }, 'and with a fresh one it goes on')
  t.equal((await figuresOf(http)).get('connections_closed_total{code="4401"}'), 1)
})

t.test('DELETE ends the streams of a user, whose browser is told not to come back', async (t) => {
  const { http } = await startGateway(t, { ...FAST, AUTH_SECRET: SECRET })
  const token = await tokenOf('ann')
  const stream = await follow(t, http, `room=a&token=${token}`)
  const other = await follow(t, http, `room=a&token=${await tokenOf('bob')}`)
  await joined(stream, ['a'])
  await joined(other, ['a'])
  const removed = await fetch(`${http}/users/ann/connections`, {
    method: 'DELETE', headers: bearer(await tokenOf('root', { can: ['admin'] })).headers
  })
  t.equal(removed.status, 200)
  t.match(await stream.next('error'), { code: 403, reason: 'forbidden', message: 'disconnected by an operator', retryable: false, lastEventId: 'stop' })
  t.equal(await stream.ended, true)
  for (const [query, headers] of [['', { 'last-event-id': 'stop' }], ['&lastEventId=stop', {}]] as const) {
    const back = await fetch(`${http}/events?room=a&token=${token}${query}`, { headers })
    t.strictSame([back.status, await back.text()], [204, ''])
  }
  await (await follow(t, http, `room=a&token=${token}`)).next('welcome')
  t.equal((await figuresOf(http)).get('connections_closed_total{code="4403"}'), 1)
  t.equal((await figuresOf(http)).get('event_streams'), 2, 'another user is still there')
})

t.test('no token of an address reaches the log', async (t) => {
  const { http, logged } = await startGateway(t, { ...FAST, AUTH_SECRET: SECRET, LOG_LEVEL: 'trace' })
  const token = await tokenOf('ann')
  const stream = await follow(t, http, `room=a&token=${token}&lastEventId=a/e.1.x`)
  await stream.next('gap')
  stream.close()
  const [refused] = await once(get(`${http}/events?room=a&token=${token}x`), 'response') as [IncomingMessage]
  refused.resume()
  await eventually('both are logged', async () => logged.some((line) => line.includes('disconnected')))
  t.ok(logged.some((line) => line.includes('/events')))
  t.notOk(logged.some((line) => line.includes(token.slice(-20))))
})
