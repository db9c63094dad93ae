import { createConnection, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { upgradeHead } from '../../bench/floods/raw-socket.ts'
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

/** Many who each ask for all four megabytes, when some of it has been told. */
async function greedyCrowd (t: Test, port: number): Promise<readonly Socket[]> {
  const sockets = Array.from({ length: MANY }, () => {
    const socket = createConnection(port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    socket.on('error', () => {})
    socket.write(upgradeHead(`/ws?history=16&${ROOMS.map((room) => `join=${room}`).join('&')}`))
    return socket.resume()
  })
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
  t.ok(tookMs < 1_000, `joined after ${tookMs} ms`)
})

t.test('who asks for megabytes of the past, and stays, lets those go first who want little', async (t) => {
  const { port, innocent } = await withPast(t)
  await greedyCrowd(t, port)
  const tookMs = await joinMs(innocent)
  t.ok(tookMs < 1_000, `joined after ${tookMs} ms`)
})
