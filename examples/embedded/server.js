// A shop of one's own with a chat in it: its login, its pages and its rules; Tidegate brings the sockets.
import { readFile } from 'node:fs/promises'
import Fastify from 'fastify'
import { tidegate } from 'tidegate'
import { createModeration } from './moderation.js'
import { loginRoutes, userOf } from './login.js'

const { PORT = '3000', HOST = '127.0.0.1', REDIS_URL, MODERATION_URL } = process.env

// Parameters of the gateway's routes may be longer than Fastify's default of 100.
const app = Fastify({ logger: true, routerOptions: { maxParamLength: 384 } })
await app.register(loginRoutes)

await app.register(tidegate, {
  prefix: '/realtime',
  // Left out: everything stays in this process.
  redis: REDIS_URL,
  rooms: { 'orders:*': { publish: 'server' } },
  hookTimeoutMs: 1_000,
  hooks: {
    // The same session as every other page's.
    authenticate: ({ headers }) => {
      const name = userOf(headers.cookie)
      return name === undefined ? undefined : { user: name, info: { since: new Date().getFullYear() } }
    },
    // Orders are for the one who placed them.
    authorize: (user, action, room) => !room?.startsWith('orders:') || room === `orders:${user}` || 'this is not your order',
    onMessage: createModeration(MODERATION_URL),
    onJoin: ({ user, room }) => app.log.info({ user, room }, 'joined'),
    onDisconnect: ({ user }) => app.log.info({ user }, 'gone')
  }
})

const page = await readFile(new URL('index.html', import.meta.url))
app.get('/', async (_request, reply) => reply.type('text/html; charset=utf-8').send(page))

// The app's own code says what it likes, wherever it likes.
app.post('/orders/:user/ship', async (request) => {
  const { user } = /** @type {{ user: string }} */ (request.params)
  const { seq } = await app.tidegate.publish(`orders:${user}`, { state: 'shipped' }, { from: 'shop' })
  return { seq }
})

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close())
await app.listen({ port: Number(PORT), host: HOST })
