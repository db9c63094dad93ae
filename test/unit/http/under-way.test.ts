import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { eventually } from '../../../cluster/until.ts'
import { boundRequests } from '../../../src/http/under-way.ts'

const TIMEOUT_MS = 200
// Of those who read, so that a pause of this process ends nobody.
const PATIENT_MS = 1_000
// More than the kernel's own buffers take.
const LARGE = 'x'.repeat(16_000_000)
const ASK = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: here\r\n\r\n`

interface Opened {
  readonly client: Socket
  readonly socket: Socket
  readonly hungUp: string[]
}

/** A server that answers `/large` and `/small`, and a connection to it, its two ends. Nobody reads it. */
async function open (t: Test, stallTimeoutMs = TIMEOUT_MS, isGuest = false): Promise<Opened> {
  const app = Fastify()
  const hungUp: string[] = []
  await app.register(async (ours) => {
    boundRequests(ours, { stallTimeoutMs, isGuest, onHangUp: (cause) => { hungUp.push(cause) } })
    ours.get('/large', async () => LARGE)
    ours.get('/small', async () => 'small')
  })
  app.get('/theirs', async () => LARGE)
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const client = connect((app.server.address() as AddressInfo).port, '127.0.0.1').pause()
  t.teardown(() => client.destroy())
  client.on('error', () => {})
  const [socket] = await once(app.server, 'connection') as [Socket]
  return { client, socket, hungUp }
}

t.test('who never reads the answer is ended, also where one that was taken came before it', async (t) => {
  const { client, socket, hungUp } = await open(t)
  client.write(ASK('/small') + ASK('/large') + ASK('/small'))
  const sinceMs = performance.now()
  await once(socket, 'close')
  const tookMs = performance.now() - sinceMs
  t.ok(tookMs >= TIMEOUT_MS - 5, `${tookMs} ms`)
  t.strictSame(hungUp, ['unread'])
})

t.test('who reads it slowly is not, and can ask again, however long after', async (t) => {
  const { client, socket } = await open(t, PATIENT_MS)
  client.write(ASK('/large'))
  let bytes = 0
  let pauseAt = 0
  let last = ''
  for await (const chunk of client as AsyncIterable<Buffer>) {
    bytes += chunk.length
    last = chunk.toString('latin1')
    if (bytes >= pauseAt) {
      await delay(PATIENT_MS / 10)
      pauseAt += 1_000_000
    }
    if (last.endsWith('small')) break
    if (pauseAt < Infinity && bytes > LARGE.length) {
      await delay(2 * PATIENT_MS)
      pauseAt = Infinity
      client.write(ASK('/small'))
    }
  }
  t.notOk(socket.destroyed)
  t.match(last, /^HTTP\/1.1 200/)
})

t.test('what else goes over a connection is not watched where the server is not ours', async (t) => {
  const { client, socket, hungUp } = await open(t, TIMEOUT_MS, true)
  client.write(ASK('/small'))
  await once(client.resume(), 'data')
  client.pause()
  client.write(ASK('/theirs'))
  await delay(3 * TIMEOUT_MS)
  t.notOk(socket.destroyed)
  t.strictSame(hungUp, [])
})

t.test('nor what follows an upgrade', async (t) => {
  const { client, socket, hungUp } = await open(t)
  client.write(ASK('/small'))
  await once(client.resume(), 'data')
  client.pause()
  await eventually('the answer is out', async () => socket.bytesWritten > 0)
  socket.write(LARGE)
  await delay(3 * TIMEOUT_MS)
  t.notOk(socket.destroyed)
  t.strictSame(hungUp, [])
})

t.test('of a packet full of requests a few are made, whatever they ask for', async (t) => {
  for (const ask of [ASK('/small'), ASK('/%zz'), ASK('/nowhere'), ASK('/small').replace('Host', 'Expect: x\r\nHost')]) {
    const app = Fastify()
    const hungUp: string[] = []
    boundRequests(app, { stallTimeoutMs: TIMEOUT_MS, isGuest: false, onHangUp: (cause) => { hungUp.push(cause) } })
    app.get('/small', async () => 'small')
    app.server.on('checkExpectation', (request, response) => { app.server.emit('request', request, response) })
    let requests = 0
    app.server.on('request', () => { requests++ })
    await app.listen({ port: 0, host: '127.0.0.1' })
    t.teardown(() => app.close())
    const client = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
    client.on('error', () => {})
    client.end(ask.repeat(1_000))
    await once(client.resume(), 'close')
    t.strictSame(hungUp, ['pipelining'], ask)
    t.equal(requests, 17)
  }
})
