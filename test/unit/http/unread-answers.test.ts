import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { endUnread } from '../../../src/http/unread-answers.ts'
import { SessionCounts } from '../../../src/session/counts.ts'

const TIMEOUT_MS = 200
// More than the kernel's own buffers take.
const LARGE = 'x'.repeat(16_000_000)
const ASK = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: here\r\n\r\n`

/** A server that answers `/large` and `/small`, and a connection to it, its two ends. Nobody reads it. */
async function open (t: Test): Promise<{ client: Socket, socket: Socket, counts: SessionCounts }> {
  const app = Fastify()
  const counts = new SessionCounts()
  endUnread(app, TIMEOUT_MS, counts)
  app.get('/large', async () => LARGE)
  app.get('/small', async () => 'small')
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const client = connect((app.server.address() as AddressInfo).port, '127.0.0.1').pause()
  t.teardown(() => client.destroy())
  client.on('error', () => {})
  const [socket] = await once(app.server, 'connection') as [Socket]
  return { client, socket, counts }
}

t.test('who never reads the answer is ended, also where one that was taken came before it', async (t) => {
  const { client, socket, counts } = await open(t)
  client.write(ASK('/small') + ASK('/large') + ASK('/small'))
  const sinceMs = performance.now()
  await once(socket, 'close')
  const tookMs = performance.now() - sinceMs
  t.ok(tookMs >= TIMEOUT_MS - 5, `${tookMs} ms`)
  t.equal(counts.hungUp.unread, 1)
})

t.test('who reads it slowly is not, and can ask again, however long after', async (t) => {
  const { client, socket } = await open(t)
  client.write(ASK('/large'))
  let bytes = 0
  let pauseAt = 0
  let last = ''
  const sinceMs = performance.now()
  for await (const chunk of client as AsyncIterable<Buffer>) {
    bytes += chunk.length
    last = chunk.toString('latin1')
    if (bytes >= pauseAt) {
      await delay(TIMEOUT_MS / 4)
      pauseAt += 1_000_000
    }
    if (last.endsWith('small')) break
    if (pauseAt < Infinity && bytes > LARGE.length) {
      await delay(3 * TIMEOUT_MS)
      pauseAt = Infinity
      client.write(ASK('/small'))
    }
  }
  t.ok(performance.now() - sinceMs > 6 * TIMEOUT_MS)
  t.notOk(socket.destroyed)
  t.match(last, /^HTTP\/1.1 200/)
})
