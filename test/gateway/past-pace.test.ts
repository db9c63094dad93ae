import { createConnection, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { upgradeHead } from '../../bench/floods/raw-socket.ts'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'
import { type Client, connect } from '../helpers/client.ts'
import { type RunningGateway, startGateway } from '../helpers/gateway.ts'

t.setTimeout(60_000)

const MANY = 100
const ROOMS = ['r1', 'r2', 'r3', 'r4']

/** Four rooms of a megabyte each, and one with a single message. */
async function withPast (t: Test): Promise<RunningGateway & { innocent: Client }> {
  const gateway = await startGateway(t, {
    RATE_PUBLISHES: '0', RATE_REQUESTS: '0', MAX_CONNECTIONS_PER_ADDRESS: '0', RATE_CONNECTIONS: '0', LOG_LEVEL: 'info'
  })
  const author = await connect(t, gateway.ws)
  for (const room of [...ROOMS, 'small']) await author.ask({ type: 'join', room })
  const content = 'x'.repeat(64_000)
  for (let n = 0; n < 16; n++) {
    await Promise.all(ROOMS.map((room) => author.ask({ type: 'message', room, content })))
  }
  await author.ask({ type: 'message', room: 'small', content: 'hello' })
  author.socket.terminate()
  return { ...gateway, innocent: await connect(t, gateway.ws) }
}

/** Asks for so many messages of each of the rooms. */
function greedy (t: Test, port: number, rooms: readonly string[], history: number): Socket {
  const socket = createConnection(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  socket.write(upgradeHead(`/ws?history=${history}&${rooms.map((room) => `join=${room}`).join('&')}`))
  return socket.resume()
}

/** Many who each ask for all four megabytes, when some of it has been told. */
async function greedyCrowd (t: Test, port: number): Promise<readonly Socket[]> {
  const sockets = Array.from({ length: MANY }, () => greedy(t, port, ROOMS, 16))
  await eventually('all are in', async () => sockets.every(({ bytesRead }) => bytesRead > 0))
  const told = (): number => sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0)
  const before = told()
  await eventually('more is told', async () => told() > before + 20_000_000)
  return sockets
}

async function joinMs (client: Client): Promise<number> {
  const beganMs = performance.now()
  await client.ask({ type: 'join', room: 'small', history: 1 })
  await client.next('message')
  return Math.round(performance.now() - beganMs)
}

t.test('who asks for megabytes of the past and goes holds up nobody', async (t) => {
  const { port, innocent } = await withPast(t)
  for (const socket of await greedyCrowd(t, port)) socket.destroy()
  const tookMs = await joinMs(innocent)
  t.ok(tookMs < 2_000, `joined after ${tookMs} ms`)
})

t.test('who asks for megabytes of the past, and stays, lets those go first who want little', async (t) => {
  const { port, innocent } = await withPast(t)
  await greedyCrowd(t, port)
  const tookMs = await joinMs(innocent)
  t.ok(tookMs < 2_000, `joined after ${tookMs} ms`)
})

t.test('who asks for more of the past than Redis tells in a moment holds up nobody who publishes', async (t) => {
  const redis = await RedisServer.start()
  t.teardown(() => redis.stop())
  const { ws, port } = await startGateway(t, {
    REDIS_URL: `redis://127.0.0.1:${redis.port}`, RATE_PUBLISHES: '0', RATE_REQUESTS: '0', LOG_LEVEL: 'info'
  })
  // More than a replica keeps in memory of all rooms together.
  const rooms = Array.from({ length: 80 }, (_, n) => `r${n}`)
  const author = await connect(t, ws)
  const content = 'x'.repeat(60_000)
  for (const room of rooms) {
    await author.ask({ type: 'join', room })
    for (let n = 0; n < 17; n++) author.send({ type: 'message', room, content, echo: false, id: `m${n}` })
    await author.ask({ type: 'message', room, content, echo: false })
  }
  const innocent = await connect(t, `${ws}?join=yard`)
  const crowd = Array.from({ length: 190 }, (_, n) =>
    greedy(t, port, [0, 1, 2, 3].map((k) => rooms[(4 * n + k) % rooms.length]!), 17 + Math.floor(n / 20)))
  let longestMs = 0
  await eventually('all have something', async () => {
    const beganMs = performance.now()
    t.match(await innocent.ask({ type: 'message', room: 'yard', content: 'hello' }), { type: 'ack' })
    longestMs = Math.max(longestMs, performance.now() - beganMs)
    return crowd.every(({ bytesRead }) => bytesRead > 100_000)
  }, 30_000)
  t.ok(longestMs < 1_000, `the longest ack took ${Math.round(longestMs)} ms`)
})
