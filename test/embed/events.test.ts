import { get } from 'node:http'
import { promisify } from 'node:util'
import t from 'tap'
import type { Hooks } from '../../src/index.ts'
import { eventually } from '../../cluster/until.ts'
import { follow } from '../helpers/events.ts'
import { startHost } from '../helpers/host.ts'

async function refusal (http: string, query: string): Promise<object> {
  const answer = await fetch(`${http}/events?${query}`)
  return { status: answer.status, ...await answer.json() as object }
}

t.test('event streams are where the app\'s prefix says, and nowhere else', async (t) => {
  const { app, http } = await startHost(t, { prefix: '/realtime' })
  t.equal((await fetch(`${http}/realtime/realtime/events?room=a`)).status, 404)
  const stream = await follow(t, `${http}/realtime`, 'user=ann&room=a')
  await stream.next('joined')
  await app.tidegate.publish('a', 'hello')
  t.match(await stream.next('message'), { room: 'a', content: 'hello' })
  await app.tidegate.disconnect('ann')
  t.match(await stream.next('error'), { code: 403, lastEventId: 'stop' })
})

t.test('authorize is asked of each room before the stream begins, and once', async (t) => {
  const asked: unknown[] = []
  const authorize: Hooks['authorize'] = (user, action, room) => {
    asked.push([user, action, room])
    if (room === 'broken') throw new Error('my own defect')
    return room !== 'staff' || 'staff only'
  }
  const { http } = await startHost(t, { hooks: { authorize } })
  t.match(await refusal(http, 'user=ann&room=a&room=staff'), { status: 403, reason: 'forbidden', message: 'room: staff: staff only' })
  t.match(await refusal(http, 'user=ann&room=broken'), { status: 503, reason: 'unavailable' })
  asked.length = 0
  const stream = await follow(t, http, 'user=ann&room=a&room=b&room=$all')
  await stream.take(({ type, room }) => type === 'joined' && room === 'a', 'in a')
  await stream.take(({ type, room }) => type === 'joined' && room === 'b', 'in b')
  t.strictSame(asked, [['ann', 'join', 'a'], ['ann', 'join', 'b']])
})

t.test('who hangs up while hooks decide has never come', async (t) => {
  let release = (): void => {}
  let isAsked = false
  const held = new Promise<true>((resolve) => { release = () => resolve(true) })
  const left: string[] = []
  const { app, http } = await startHost(t, {
    hookTimeoutMs: 10_000,
    hooks: {
      authorize: async (user) => {
        isAsked ||= user === 'ann'
        return user === 'ann' ? await held : true
      },
      onDisconnect: ({ user }) => { left.push(user) }
    }
  })
  const request = get(`${http}/events?user=ann&room=a`, { agent: false })
  request.on('error', () => {})
  await eventually('asked', async () => isAsked)
  request.destroy()
  // The gateway has heard of it: its connection is no more.
  const connections = promisify(app.server.getConnections.bind(app.server))
  await eventually('hung up', async () => await connections() === 0)
  release()
  const bob = await follow(t, http, 'user=bob&room=a')
  await bob.next('joined')
  t.match(await app.tidegate.members('a'), { count: 1, members: [{ user: 'bob', connections: 1 }] })
  t.strictSame(left, [])
})
