import t from 'tap'
import { Client, connect } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { SECRET, tokenOf } from '../helpers/tokens.ts'

/** What a client was told of who came and went. */
function told ({ presence }: Client): unknown[] {
  return presence.map(({ event, user, count, joined, left }) =>
    event === 'members' ? [event, joined, left, count] : [event, user, count])
}

t.test('whoever comes is told to the others, and is a member; so is whoever leaves', async (t) => {
  const { ws, http } = await startGateway(t)
  const ann = await connect(t, `${ws}?user=ann&join=red`)
  await ann.next('joined')
  t.strictSame(await ann.ask({ type: 'members', room: 'red' }), {
    type: 'members', id: 1, room: 'red', count: 1, members: [{ user: 'ann', connections: 1 }]
  })
  const bob = await connect(t, `${ws}?user=bob&join=red`)
  await ann.until('bob has come', () => ann.presence.length === 1)
  const askedMs = performance.now()
  await ann.ask({ type: 'members', room: 'red' })
  t.ok(performance.now() - askedMs < 500, 'the answer does not wait')
  t.match(ann.presence[0], {
    type: 'system', event: 'join', room: 'red', user: 'bob', count: 2, timestamp: /^\d{4}-\d\d-\d\dT.*Z$/
  })
  const answer = await fetch(`${http}/rooms/red/members`)
  t.strictSame(await answer.json(), {
    room: 'red', count: 2, members: [{ user: 'ann', connections: 1 }, { user: 'bob', connections: 1 }]
  })
  t.match(await bob.ask({ type: 'leave', room: 'red' }), { type: 'left' })
  await ann.until('bob has left', () => ann.presence.length === 2)
  t.strictSame(told(ann), [['join', 'bob', 2], ['leave', 'bob', 1]])
  t.strictSame(told(bob), [])
  t.match(await bob.ask({ type: 'members', room: 'red' }), { count: 1, members: [{ user: 'ann' }] })
})

t.test('a second tab makes no noise, nor does the first that is closed', async (t) => {
  const { ws } = await startGateway(t, { PRESENCE_GRACE_MS: '50' })
  const ann = await connect(t, `${ws}?user=ann&join=red`)
  const tabs = [await connect(t, `${ws}?user=bob&join=red`), await connect(t, `${ws}?user=bob&join=red`)]
  for (const client of [ann, ...tabs]) await client.next('joined')
  t.match(await ann.ask({ type: 'members', room: 'red' }), { members: [{ user: 'ann' }, { user: 'bob', connections: 2 }] })
  t.match(await tabs[0]!.ask({ type: 'leave', room: 'red' }), { type: 'left' })
  tabs[1]!.socket.close()
  await ann.until('bob has gone', () => ann.presence.some(({ event }) => event === 'leave'))
  t.strictSame(told(ann), [['join', 'bob', 2], ['leave', 'bob', 1]])
})

t.test('who is cut off and comes back makes no noise; who stays away is told of after the grace', async (t) => {
  const { ws } = await startGateway(t, { PRESENCE_GRACE_MS: '300' })
  const ann = await connect(t, `${ws}?user=ann&join=red`)
  await ann.next('joined')
  const bob = await connect(t, `${ws}?user=bob&join=red`)
  await bob.next('joined')
  bob.socket.terminate()
  await bob.closed
  const again = await connect(t, `${ws}?user=bob&join=red`)
  await again.next('joined')
  const cutMs = performance.now()
  again.socket.terminate()
  await ann.until('bob has gone', () => ann.presence.some(({ event }) => event === 'leave'))
  t.ok(performance.now() - cutMs >= 299)
  t.strictSame(told(ann), [['join', 'bob', 2], ['leave', 'bob', 1]])
})

t.test('in live and latest rooms nobody is told, and asking is refused; rules change that', async (t) => {
  const rooms = t.testdir({ 'rooms.yaml': 'rooms:\n  live:open:*: { presence: true }\n  shy: { presence: false }\n' })
  const { ws, http } = await startGateway(t, { ROOMS_FILE: `${rooms}/rooms.yaml` })
  const ann = await connect(t, `${ws}?user=ann&join=live:x&join=latest:x&join=shy&join=live:open:x`)
  for (let n = 0; n < 4; n++) await ann.next('joined')
  const bob = await connect(t, `${ws}?user=bob&join=live:x&join=latest:x&join=shy&join=live:open:x`)
  for (let n = 0; n < 4; n++) await bob.next('joined')
  await ann.until('bob has come', () => ann.presence.length === 1)
  t.match(ann.presence, [{ room: 'live:open:x', user: 'bob', count: 2 }])
  for (const room of ['live:x', 'latest:x', 'shy', 'position']) {
    t.match(await ann.ask({ type: 'members', room }), { type: 'error', room, code: 403, reason: 'forbidden', message: /^room: / })
    t.equal((await fetch(`${http}/rooms/${room}/members`)).status, 403)
  }
  t.match(await ann.ask({ type: 'members', room: 'live:open:x' }), { count: 2 })
})

t.test('above so many users those who come and go are told of together', async (t) => {
  const rooms = t.testdir({ 'rooms.yaml': 'rooms:\n  hall: { presenceMergeAbove: 3 }\n' })
  const { ws } = await startGateway(t, { ROOMS_FILE: `${rooms}/rooms.yaml`, MAX_CONNECTIONS_PER_ADDRESS: '0' })
  const ann = await connect(t, `${ws}?user=ann&join=hall`)
  await ann.next('joined')
  for (let n = 0; n < 40; n++) await (await connect(t, `${ws}?user=u${n}&join=hall`)).next('joined')
  await ann.until('all have come', () => ann.presence.at(-1)?.['count'] === 41)
  t.match(told(ann).slice(0, 2), [['join', 'u0', 2], ['join', 'u1', 3]])
  const merged = ann.presence.slice(2)
  t.ok(merged.every(({ event }) => event === 'members'))
  t.ok(merged.length < 20, `${merged.length} frames`)
  t.strictSame(merged.flatMap(({ joined }) => joined), Array.from({ length: 38 }, (_, n) => `u${n + 2}`))
})

t.test('what a token says of its user is told along; a token that says too much is refused', async (t) => {
  const { ws } = await startGateway(t, { AUTH_SECRET: SECRET })
  const rooms = { '*': ['join'] }
  const info = { name: 'Ann Lee', avatar: 7 }
  const bob = await connect(t, `${ws}?token=${await tokenOf('bob', { rooms })}&join=red`)
  await bob.next('joined')
  const ann = await connect(t, `${ws}?token=${await tokenOf('ann', { rooms, info })}&join=red`)
  await ann.next('joined')
  await bob.until('ann has come', () => bob.presence.length === 1)
  t.match(bob.presence[0], { event: 'join', user: 'ann', info })
  t.match(await ann.ask({ type: 'members', room: 'red' }), { members: [{ user: 'ann', info }, { user: 'bob' }] })
  const eve = new Client(`${ws}?token=${await tokenOf('eve', { info: 'x'.repeat(2_000) })}`)
  t.strictSame(await eve.closed, { code: 4401, reason: 'token: info: must be at most 1024 characters as JSON' })
})

t.test('a token that no longer allows a room takes its user out of it, at once', async (t) => {
  const { ws } = await startGateway(t, { AUTH_SECRET: SECRET })
  const rooms = { red: ['join'] }
  const bob = await connect(t, `${ws}?token=${await tokenOf('bob', { rooms })}&join=red`)
  await bob.next('joined')
  const ann = await connect(t, `${ws}?token=${await tokenOf('ann', { rooms })}&join=red`)
  await ann.next('joined')
  await ann.ask({ type: 'auth', token: await tokenOf('ann', { rooms: {} }) })
  await bob.until('ann has left', () => bob.presence.length === 2)
  t.strictSame(told(bob), [['join', 'ann', 2], ['leave', 'ann', 1]])
})

t.test('rooms with members are listed, page by page, for whoever may administrate', async (t) => {
  const { ws, http } = await startGateway(t, { AUTH_SECRET: SECRET })
  const headers = { authorization: `Bearer ${await tokenOf('ops', { can: ['admin'] })}` }
  const ann = await connect(t, `${ws}?token=${await tokenOf('ann')}&join=red&join=blue&join=live:x`)
  for (let n = 0; n < 3; n++) await ann.next('joined')
  const list = async (query: string): Promise<unknown> => await (await fetch(`${http}/rooms${query}`, { headers })).json()
  t.strictSame(await list('?limit=2'), {
    rooms: [{ room: 'blue', members: 1 }, { room: 'live:x', members: 1 }], more: true
  })
  t.strictSame(await list('?after=live:x'), { rooms: [{ room: 'red', members: 1 }], more: false })
  for (const query of ['?limit=0', '?limit=1001', '?limit=x', '?limit=1&limit=2']) {
    t.match(await list(query), { code: 400, reason: 'bad_message', message: /^limit: / }, query)
  }
  for (const query of ['?after=%7B', '?after=a&after=b']) {
    t.match(await list(query), { code: 400, reason: 'bad_message', message: /^after: / }, query)
  }
  t.equal((await fetch(`${http}/rooms`)).status, 401)
  const answer = await fetch(`${http}/rooms/%7Bx%7D/members`, { headers })
  t.match(await answer.json(), { code: 400, reason: 'bad_room' })
})
