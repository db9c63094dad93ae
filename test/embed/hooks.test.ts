import { once } from 'node:events'
import { get } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { eventually } from '../../cluster/until.ts'
import type { Action, Hooks, RoomEvent } from '../../src/index.ts'
import { connect, refused } from '../helpers/client.ts'
import { type Host, startHost } from '../helpers/host.ts'

const JSON_BODY = { 'content-type': 'application/json' }

async function publishOver ({ http }: Host, room: string, content: unknown): Promise<{ status: number, body: object }> {
  const body = JSON.stringify({ content })
  const answer = await fetch(`${http}/rooms/${room}/messages`, { method: 'POST', headers: JSON_BODY, body })
  return { status: answer.status, body: await answer.json() as object }
}

const onMessage: Hooks['onMessage'] = async ({ content, user }, { signal }) => {
  switch (content) {
    case 'rude': return { refuse: 'be kind' }
    case 'mask': return { content: { masked: true }, from: `${user} (masked)` }
    case 'throw': throw new Error('my own defect')
    case 'hang': return await new Promise(() => {})
    case 'abort': return await new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')))
    })
    case 'nonsense': return 5 as never
    case 'undefined': return { content: undefined }
    case 'large': return { content: 'x'.repeat(2_000) }
  }
}

t.test('onMessage refuses a message in its own words, or changes it, on sockets and over HTTP', async (t) => {
  const host = await startHost(t, { hooks: { onMessage } })
  const [ann, bob] = await Promise.all(['ann', 'bob'].map((name) => connect(t, `${host.ws}?user=${name}&join=r&join=live:r`)))
  for (const each of [ann!, ann!, bob!, bob!]) await each.next('joined')
  for (const room of ['r', 'live:r']) {
    t.match(await ann!.ask({ type: 'message', room, content: 'rude' }), { type: 'error', room, code: 403, reason: 'forbidden', message: 'be kind', retryable: false })
    t.match(await ann!.ask({ type: 'message', room, content: 'mask' }), { type: 'ack' })
    t.match(await bob!.next('message'), { room, from: 'ann (masked)', content: { masked: true } }, 'and nothing before it')
    t.match(await publishOver(host, room, 'rude'), { status: 403, body: { reason: 'forbidden', message: 'be kind' } })
    t.equal((await publishOver(host, room, 'mask')).status, 200)
    t.match(await bob!.next('message'), { room, content: { masked: true } })
  }
  t.match(await ann!.ask({ type: 'broadcast', content: 'rude' }), { reason: 'forbidden', message: 'be kind' })
  t.match(await ann!.ask({ type: 'broadcast', content: 'mask' }), { type: 'ack' })
  t.match(await bob!.next('broadcast'), { from: 'ann (masked)', content: { masked: true } })
  t.match(await host.app.tidegate.publish('r', 'rude'), { duplicate: false }, 'code may do all')
})

t.test('a hook that throws, hangs or talks nonsense refuses that message with 503, and nothing is published', async (t) => {
  const host = await startHost(t, { hooks: { onMessage }, hookTimeoutMs: 100, opsRoutes: true, maxMessageBytes: 1_000 })
  const ann = await connect(t, `${host.ws}?user=ann&join=r`)
  await ann.next('joined')
  for (const content of ['throw', 'hang', 'abort', 'nonsense', 'undefined', 'large']) {
    t.match(await ann.ask({ type: 'message', room: 'r', content }), { code: 503, reason: 'unavailable', retryable: true, message: /hook onMessage/ }, content)
    t.match(await publishOver(host, 'r', content), { status: 503, body: { reason: 'unavailable' } }, content)
  }
  t.match(await ann.ask({ type: 'message', room: 'r', content: 'fine' }), { type: 'ack', seq: 1 }, 'the first that is stored')
  t.match(await ann.next('message'), { content: 'fine' })
  const metrics = await host.app.tidegate.metrics()
  t.match(metrics, /tidegate_hook_failures_total\{hook="onMessage"\} 12\n/)
  t.match(metrics, /tidegate_hook_duration_seconds_count\{hook="onMessage"\} 13\n/)
  t.match(metrics, /tidegate_hooks_under_way 0\n/)
  t.ok(host.logged.some((line) => line.includes('a hook failed') && line.includes('my own defect')))
  const lines = host.logged.filter((line) => line.includes('"hook":"onMessage"'))
  t.ok(lines.length < 6, 'a line for each would drown the log')
})

t.test('while one client\'s hook hangs all others, and its own other rooms, go on; its order is kept', async (t) => {
  let release = (): void => {}
  const isHeld = new Promise<undefined>((resolve) => { release = () => resolve(undefined) })
  const { ws } = await startHost(t, {
    hookTimeoutMs: 10_000, hooks: { onMessage: ({ content }) => content === 'held' ? isHeld : undefined }
  })
  const [ann, bob] = await Promise.all(['ann', 'bob'].map((name) => connect(t, `${ws}?user=${name}&join=r&join=s`)))
  for (const each of [ann!, ann!, bob!, bob!]) await each.next('joined')
  ann!.send({ type: 'message', room: 'r', content: 'held', id: 'held' })
  ann!.send({ type: 'message', room: 'r', content: 'behind', id: 'behind' })
  for (let n = 0; n < 15; n++) t.match(await bob!.ask({ type: 'message', room: 'r', content: n }), { type: 'ack', seq: n + 1 })
  t.match(await ann!.ask({ type: 'message', room: 's', content: 'aside' }), { type: 'ack' })
  t.notOk(ann!.frames.some(({ id }) => id === 'held' || id === 'behind'), 'neither has been answered')
  release()
  t.match(await ann!.take(({ id }) => id === 'held', 'its ack'), { type: 'ack', seq: 16 })
  t.match(await ann!.take(({ id }) => id === 'behind', 'its ack'), { type: 'ack', seq: 17 })
})

t.test('one connection has few hooks decide at once, and all together no more than may', async (t) => {
  let most = 0
  let now = 0
  const { ws } = await startHost(t, {
    hookTimeoutMs: 200,
    maxHookCalls: 9,
    maxConnectionsPerAddress: 0,
    hooks: {
      onMessage: async () => {
        most = Math.max(most, ++now)
        await delay(5)
        now--
      }
    }
  })
  const rooms = Array.from({ length: 20 }, (_, n) => `r${n}`)
  const [ann, bob] = await Promise.all(['ann', 'bob'].map((name) => connect(t, `${ws}?user=${name}&${rooms.map((room) => `join=${room}`).join('&')}`)))
  for (const each of [ann!, bob!]) for (let n = 0; n < rooms.length; n++) await each.next('joined')
  const ask = (client: typeof ann) => rooms.map((room) => client!.ask({ type: 'message', room, content: 1 }))
  const alone = await Promise.all(ask(ann))
  t.ok(alone.every(({ type }) => type === 'ack'))
  t.equal(most, 8)
  const answers = await Promise.all([...ask(ann), ...ask(bob)])
  t.equal(most, 9)
  t.ok(answers.some(({ reason, message }) => reason === 'unavailable' && String(message).includes('too much')))
})

t.test('hooks are not asked of what waited for its turn when the connection ended', async (t) => {
  const held: Array<() => void> = []
  let asked = 0
  let ended = (): void => {}
  const hasEnded = new Promise<void>((resolve) => { ended = resolve })
  const { ws, app } = await startHost(t, {
    hooks: {
      onDisconnect: () => ended(),
      onMessage: async () => {
        asked++
        await new Promise<void>((resolve) => { held.push(resolve) })
      }
    }
  })
  const rooms = Array.from({ length: 20 }, (_, n) => `r${n}`)
  const ann = await connect(t, `${ws}?user=ann&${rooms.map((room) => `join=${room}`).join('&')}`)
  for (let n = 0; n < rooms.length; n++) await ann.next('joined')
  for (const room of rooms) ann.send({ type: 'message', room, content: 1 })
  await ann.ask({ type: 'ping' })
  ann.socket.terminate()
  await hasEnded
  for (const release of held) release()
  await eventually('none is decided any more', async () => (await app.tidegate.metrics()).includes('hooks_under_way 0\n'))
  t.equal(asked, 8)
})

t.test('a key stands for what was sent, though a hook makes something else of it each time', async (t) => {
  let n = 0
  const { ws } = await startHost(t, { hooks: { onMessage: ({ content }) => ({ content: { content, n: n++ } }) } })
  const ann = await connect(t, `${ws}?user=ann&join=r&join=live:r`)
  await ann.next('joined')
  await ann.next('joined')
  for (const room of ['r', 'live:r']) {
    const first = await ann.ask({ type: 'message', room, content: 'x', key: 'k' })
    t.match(first, { type: 'ack' })
    t.match(await ann.ask({ type: 'message', room, content: 'x', key: 'k' }), { type: 'ack', duplicate: true, ...(room === 'r' ? { seq: 1 } : {}) })
    t.match(await ann.ask({ type: 'message', room, content: 'y', key: 'k' }), { reason: 'key_reused' })
  }
})

t.test('authorize forbids what grants and rules allow, and is not asked of what they forbid', async (t) => {
  const asked: Array<[string | undefined, Action, string | undefined]> = []
  const host = await startHost(t, {
    rooms: { closed: { publish: 'server' } },
    hooks: {
      authorize: async (user, action, room) => {
        asked.push([user, action, room])
        return room !== 'no' && action !== 'broadcast' ? true : 'not you'
      }
    }
  })
  const ann = await connect(t, `${host.ws}?user=ann&join=yes&join=no`)
  t.match(await ann.next('joined'), { room: 'yes' })
  t.match(await ann.next('error'), { room: 'no', reason: 'forbidden', message: 'not you' })
  t.match(await ann.ask({ type: 'message', room: 'yes', content: 1 }), { type: 'ack' })
  t.match(await ann.ask({ type: 'history', room: 'no' }), { reason: 'forbidden' })
  t.match(await ann.ask({ type: 'members', room: 'no' }), { reason: 'forbidden' })
  t.match(await ann.ask({ type: 'broadcast', content: 1 }), { reason: 'forbidden', message: 'not you' })
  t.match(await ann.ask({ type: 'move', delta: 1 }), { type: 'ack' })
  t.match(await ann.ask({ type: 'message', room: 'closed', content: 1 }), { reason: 'forbidden', message: /only the server/ })
  t.match(await publishOver(host, 'no', 1), { status: 403, body: { message: 'not you' } })
  t.equal((await fetch(`${host.http}/rooms/no/messages`)).status, 403)
  t.equal((await fetch(`${host.http}/rooms/yes/members`)).status, 200)
  t.strictSame(asked.filter(([user]) => user === 'ann'), [
    ['ann', 'join', 'yes'], ['ann', 'join', 'no'], ['ann', 'publish', 'yes'], ['ann', 'history', 'no'], ['ann', 'members', 'no'],
    ['ann', 'broadcast', undefined], ['ann', 'move', 'position']
  ])
  t.strictSame(asked.filter(([user]) => user === undefined).map(([, ...rest]) => rest), [
    ['publish', 'no'], ['history', 'no'], ['members', 'yes']
  ])
})

t.test('authenticate says who somebody is, by all that the request has; it may grant, and set an end', async (t) => {
  const host = await startHost(t, {
    hookTimeoutMs: 100,
    hooks: {
      authenticate: async ({ token, headers }) => {
        const name = /name=(\w+)/.exec(headers.cookie ?? '')?.[1] ?? token
        if (name === 'throw') throw new Error('no database')
        if (name === 'hang') return await new Promise(() => {})
        if (name === 'bad') return { user: '' }
        if (name === 'soon') return { user: 'ann', expires: new Date(Date.now() + 300) }
        if (name === undefined || name === 'nobody') return undefined
        return { user: name, can: ['move', 'admin'], rooms: { r: ['join', 'publish'], '*': ['join'] }, info: { level: 3 } }
      }
    }
  })
  const { http, ws } = host
  const ann = await connect(t, `${ws}?join=r`, { headers: { cookie: 'name=ann' } })
  t.match(ann.welcome, { user: 'ann', expires: undefined })
  await ann.next('joined')
  t.match(await ann.ask({ type: 'members', room: 'r' }), { members: [{ user: 'ann', info: { level: 3 } }] })
  t.match(await ann.ask({ type: 'move', delta: 1 }), { type: 'ack' })
  t.match(await ann.ask({ type: 'broadcast', content: 1 }), { reason: 'forbidden' })
  t.equal((await fetch(`${http}/rooms`, { headers: { cookie: 'name=ann' } })).status, 200)
  t.equal((await fetch(`${http}/position`)).status, 401)
  t.equal((await fetch(`${http}/position`, { headers: { authorization: 'Bearer throw' } })).status, 503)
  t.match(await refused(ws, { headers: { authorization: 'Bearer nobody' } }), { status: 401, body: { reason: 'unauthenticated' } })
  for (const name of ['throw', 'hang', 'bad']) {
    t.match(await refused(ws, { headers: { cookie: `name=${name}` } }), { status: 503, body: { reason: 'unavailable' }, retryAfter: '1' }, name)
  }
  const stranger = await connectClosed(ws)
  t.equal(stranger, 4401, 'a browser sees why')
  const soon = await connect(t, ws, { headers: { cookie: 'name=soon' } })
  t.ok(soon.welcome['expires'])
  t.match(await soon.ask({ type: 'auth', token: 'ann' }), { type: 'authenticated', user: 'ann' })
  await delay(500)
  t.match(await soon.ask({ type: 'ping' }), { type: 'pong' }, 'it was renewed')
  t.match(await soon.ask({ type: 'auth', token: 'bob' }), { reason: 'forbidden' })
  const ending = await connect(t, ws, { headers: { cookie: 'name=soon' } })
  t.match(await ending.closed, { code: 4401 })
})

t.test('who asks for an event stream and leaves before it is known who that is leaves nothing behind', async (t) => {
  let known = (): void => {}
  const sockets: Socket[] = []
  const { app, http } = await startHost(t, {
    maxConnectionsPerAddress: 1,
    hooks: { authenticate: async () => await new Promise((resolve) => { known = () => { resolve({ user: 'ann' }) } }) }
  }, { setUp: (host) => { host.server.on('connection', (socket) => { sockets.push(socket) }) } })
  const figure = async (name: string): Promise<string | undefined> =>
    new RegExp(`^tidegate_${name} (.+)$`, 'm').exec(await app.tidegate.metrics())?.[1]
  const asked = get(`${http}/events?room=a`, { agent: false }).on('error', () => {})
  await eventually('the hook is asked', async () => await figure('hooks_under_way') === '1')
  asked.destroy()
  await once(sockets.at(-1)!, 'close')
  known()
  await eventually('the hook has decided', async () => await figure('hooks_under_way') === '0')
  t.match([await figure('event_streams'), await figure('connections')], ['0', '0'])
  t.equal((await app.tidegate.members('a')).count, 0)
  await app.close()
})

async function connectClosed (ws: string): Promise<number> {
  const { WebSocket } = await import('ws')
  return await new Promise((resolve) => { new WebSocket(ws).on('close', resolve) })
}

t.test('onJoin, onLeave and onDisconnect are told, once each, and one that fails harms nobody', async (t) => {
  const told: unknown[] = []
  const tell = (name: string) => (event: RoomEvent | object): void => {
    const { connection, ...rest } = event as RoomEvent
    told.push([name, rest])
    if (name === 'onLeave') throw new Error('mine')
  }
  const { ws, app } = await startHost(t, {
    hooks: {
      onJoin: async (event) => { tell('onJoin')(event); throw new Error('mine') },
      onLeave: tell('onLeave'),
      onDisconnect: tell('onDisconnect')
    }
  })
  const ann = await connect(t, `${ws}?user=ann&join=r&join=s`)
  await ann.next('joined')
  await ann.next('joined')
  await ann.ask({ type: 'join', room: 'r' })
  await ann.ask({ type: 'leave', room: 'r' })
  ann.socket.close()
  await ann.closed
  const bob = await connect(t, `${ws}?user=bob`)
  await bob.ask({ type: 'ping' })
  t.strictSame(told, [
    ['onJoin', { user: 'ann', room: 'r' }], ['onJoin', { user: 'ann', room: 's' }],
    ['onLeave', { user: 'ann', room: 'r', isDropped: false }], ['onLeave', { user: 'ann', room: 's', isDropped: true }],
    ['onDisconnect', { user: 'ann' }]
  ])
  t.match(await app.tidegate.metrics(), /tidegate_hook_failures_total\{hook="onJoin"\} 2\n/)
})
