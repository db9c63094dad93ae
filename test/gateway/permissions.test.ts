import t, { type Test } from 'tap'
import { connect } from '../helpers/client.ts'
import { ALL_RIGHTS, DOORS, furnish, openWitness, seenBy, tokenWith } from '../helpers/doors.ts'
import { type RunningGateway, startGateway } from '../helpers/gateway.ts'
import { bearer, SECRET, tokenOf } from '../helpers/tokens.ts'

const UNLIMITED = {
  RATE_HTTP: '0',
  RATE_REQUESTS: '0',
  RATE_PUBLISHES: '0',
  RATE_BYTES: '0',
  RATE_USER_PUBLISHES: '0',
  RATE_CONNECTIONS: '0',
  RATE_FILES: '0'
}

async function startGuarded (t: Test, env: Readonly<Record<string, string>> = {}): Promise<RunningGateway> {
  return await startGateway(t, { ...UNLIMITED, AUTH_SECRET: SECRET, ...env })
}

async function remove (http: string, user: string, token?: string): Promise<number> {
  const headers = token === undefined ? {} : bearer(token).headers
  return (await fetch(`${http}/users/${encodeURIComponent(user)}/connections`, { method: 'DELETE', headers })).status
}

t.test('whoever lacks a right is refused, and nothing happens; whoever has that right alone may', async (t) => {
  const gateway = await startGuarded(t)
  await furnish(gateway)
  const witness = await openWitness(t, gateway, 'eve', await tokenWith(ALL_RIGHTS, 'eve'))
  for (const { name, needs, holds = [], seen, ask } of DOORS) {
    const without = await tokenWith(ALL_RIGHTS.filter((right) => right !== needs))
    const refused = await ask(t, gateway, without)
    t.match(refused, { code: 403, ...(name.startsWith('HEAD') ? {} : { reason: 'forbidden' }) }, `${name}: refused`)
    t.strictSame(await seenBy(witness), [], `${name}: nobody saw anything`)
    t.match(await ask(t, gateway, await tokenWith([...holds, needs])), { code: 200 }, `${name}: allowed`)
    if (seen !== undefined) await witness.next(seen)
    t.strictSame(await seenBy(witness), [], `${name}: nobody saw anything more`)
  }
  t.comment(`${DOORS.length} doors`)
})

t.test('a right to one room is none to another, nor to anything else', async (t) => {
  const gateway = await startGuarded(t)
  await furnish(gateway)
  const witness = await openWitness(t, gateway, 'eve', await tokenWith(ALL_RIGHTS, 'eve'))
  const nothing = await tokenWith([])
  for (const { name, holds = [], ask } of DOORS) {
    const token = holds.length === 0 ? nothing : await tokenWith(holds)
    t.match(await ask(t, gateway, token), { code: 403 }, name)
  }
  t.strictSame(await seenBy(witness), [])
})

t.test('over HTTP nobody gets anything without a token', async (t) => {
  const gateway = await startGuarded(t)
  await furnish(gateway)
  for (const { route, ask } of DOORS) {
    if (route !== undefined) t.match(await ask(t, gateway, undefined), { code: 401 }, route)
  }
})

t.test('in an open gateway everyone may do everything but administrate, and tokens are not known', async (t) => {
  const gateway = await startGateway(t, UNLIMITED)
  await furnish(gateway)
  const witness = await openWitness(t, gateway, 'eve')
  for (const { name, needs, seen, ask } of DOORS) {
    t.match(await ask(t, gateway, undefined), { code: needs === 'admin' ? 403 : 200 }, name)
    if (seen !== undefined) await witness.next(seen)
  }
  t.equal(await remove(gateway.http, 'eve', await tokenWith(ALL_RIGHTS)), 403)
  const refused = { type: 'error', code: 403, reason: 'forbidden' }
  t.match(await witness.ask({ type: 'auth', token: await tokenWith(ALL_RIGHTS) }), refused)
  t.match(await witness.ask({ type: 'auth', token: 'bad' }), refused)
  t.match((await connect(t, `${gateway.ws}?user=ann&token=bad`, bearer('bad'))).welcome, { user: 'ann', expires: undefined })
  t.strictSame(await seenBy(witness), [])
})

t.test('the longest pattern that matches decides', async (t) => {
  const { ws } = await startGuarded(t)
  const rooms = {
    '*': ['join'],
    'chat:*': ['join', 'publish'],
    'chat:s*': [],
    'chat:secret': ['join', 'publish'],
    'chat:secret:*': ['join', 'unknown'],
    'chat:sea': ['publish'],
    'a.*': []
  }
  // In both orders, because the order in which they are written must not matter.
  for (const written of [rooms, Object.fromEntries(Object.entries(rooms).reverse())]) {
    const client = await connect(t, ws, bearer(await tokenOf('ann', { rooms: written })))
    const cases: ReadonlyArray<readonly [room: string, join: boolean, publish: boolean]> = [
      ['lobby', true, false], ['chat', true, false], ['chat:', true, true], ['chat:red', true, true],
      ['chat:s', false, false], ['chat:sun', false, false], ['chat:secret', true, true], ['chat:secrets', false, false],
      ['chat:secret:', true, false], ['chat:secret:a', true, false], ['chat:sea', false, true], ['CHAT:red', true, false],
      ['a.b', false, false], ['axb', true, false]
    ]
    for (const [room, join, publish] of cases) {
      t.match(await client.ask({ type: 'join', room }), join ? { type: 'joined' } : { code: 403, reason: 'forbidden' }, room)
      const reason = publish ? 'not_joined' : 'forbidden'
      const answer = await client.ask({ type: 'message', room, content: 1 })
      t.match(answer, join && publish ? { type: 'ack' } : { code: 403, reason }, room)
    }
  }
})

t.test('a token without rooms may do what the rules allow everyone, and nothing that is asked for by name', async (t) => {
  const { ws, http } = await startGuarded(t)
  const token = await tokenOf('ann')
  const client = await connect(t, `${ws}?join=general`, bearer(token))
  t.match(await client.ask({ type: 'message', room: 'general', content: 1 }), { type: 'ack' })
  t.match(await client.ask({ type: 'history', room: 'other' }), { type: 'history' })
  for (const request of [{ type: 'broadcast', content: 1 }, { type: 'move', delta: 1 }]) {
    t.match(await client.ask(request), { type: 'error', code: 403, reason: 'forbidden' })
  }
  t.equal((await fetch(`${http}/position`, bearer(token))).status, 200)
  t.equal(await remove(http, 'ann', token), 403)
  t.match(await client.ask({ type: 'ping' }), { type: 'pong' })
  const none = await connect(t, ws, bearer(await tokenOf('ann', { rooms: {} })))
  t.match(await none.ask({ type: 'join', room: 'general' }), { code: 403, reason: 'forbidden' }, 'no rooms are none')
})

t.test('a rule of a room is stronger than a token, and a token than a rule that is open', async (t) => {
  const dir = t.testdir({ 'rooms.json': '{"rooms":{"news":{"publish":"server"},"wall":{"publish":"anyone"}}}' })
  const { ws } = await startGuarded(t, { ROOMS_FILE: `${dir}/rooms.json` })
  const reader = await connect(t, `${ws}?join=news&join=wall`, bearer(await tokenOf('eve')))
  const forbidden = { type: 'error', code: 403, reason: 'forbidden' }
  const allowed = { rooms: { '*': ['join', 'publish'], news: ['join', 'publish'] }, can: ['broadcast', 'move', 'admin'] }
  const client = await connect(t, `${ws}?join=news`, bearer(await tokenOf('ann', allowed)))
  for (const request of [
    { room: 'news' }, { room: 'news', ephemeral: true }, { room: '$all' }, { room: '$all', ephemeral: true }, { room: 'position' }
  ]) {
    t.match(await client.ask({ type: 'message', content: 1, ...request }), forbidden, JSON.stringify(request))
  }
  const writer = await connect(t, ws, bearer(await tokenOf('ann', { rooms: { wall: ['publish'] } })))
  const mute = await connect(t, ws, bearer(await tokenOf('bob', { rooms: { wall: ['join'] } })))
  t.match(await mute.ask({ type: 'message', room: 'wall', content: 'mute' }), forbidden)
  t.match(await writer.ask({ type: 'join', room: 'wall' }), forbidden)
  t.match(await writer.ask({ type: 'message', room: 'wall', content: 'written' }), { type: 'ack', seq: 1 })
  t.match(await reader.next('message'), { room: 'wall', content: 'written', seq: 1 })
  t.strictSame((await reader.settle()).filter(({ type }) => type !== 'joined'), [])
})

t.test('whoever may administrate disconnects a user, whatever the name, and nobody else', async (t) => {
  const { ws, http } = await startGuarded(t)
  const admin = await tokenOf('root', { can: ['admin'] })
  const names = ['ann', 'a/b', 'a b?#%', '%2F', 'ä'.repeat(128), 'x'.repeat(128), '/'.repeat(128)]
  const others = await connect(t, ws, bearer(await tokenOf('an')))
  for (const name of names) {
    const [one, two] = await Promise.all([1, 2].map(async () => await connect(t, ws, bearer(await tokenOf(name)))))
    t.equal(await remove(http, name, await tokenOf(name)), 403, 'not even oneself')
    t.match(await one!.ask({ type: 'ping' }), { type: 'pong' })
    t.equal(await remove(http, name, admin), 200, name.slice(0, 10))
    t.match(await one!.closed, { code: 4403 })
    t.match(await two!.closed, { code: 4403 })
  }
  t.equal(await remove(http, '', admin), 400, 'nobody is called that')
  t.match(await others.ask({ type: 'ping' }), { type: 'pong' })
})
