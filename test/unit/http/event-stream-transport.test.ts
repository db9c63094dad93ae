import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { replyFrame, sentEntry } from '../../../src/hub/frame.ts'
import { EventId } from '../../../src/http/event-id.ts'
import { EventStreamTransport } from '../../../src/http/event-stream-transport.ts'
import { CLOSES } from '../../../src/protocol/codes.ts'
import { EventClient } from '../../helpers/events.ts'
import { entry } from '../fakes.ts'

interface World {
  readonly transport: EventStreamTransport
  readonly client: EventClient
  readonly told: string[]
}

/** A transport over a real response, and what its client hears. */
async function open (test: Test): Promise<World> {
  const told: string[] = []
  const server = createServer().listen(0, '127.0.0.1')
  test.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  const request = get(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { agent: false })
  const [{ socket }, response] = await once(server, 'request')
  const transport = new EventStreamTransport(response, socket, new EventId(new Map([['a', 'e1.1.a1']])))
  transport.start({ queue: { drained: () => { told.push('drained') } }, heard: () => { told.push('heard') } })
  response.writeHead(200, { connection: 'close' })
  response.flushHeaders()
  const [answer] = await once(request, 'response') as [IncomingMessage]
  return { transport, client: new EventClient(answer), told }
}

t.test('an id is sent where it has changed, a time to wait where it is new', async (t) => {
  const { transport, client } = await open(t)
  let bytes = ''
  client.response.on('data', (chunk) => { bytes += String(chunk) })
  const typing = replyFrame({ type: 'message', room: 'a', content: 'typing' })
  transport.write(Buffer.concat([typing, sentEntry('a', entry(2)).frame, typing]), true)
  transport.write(replyFrame({ type: 'goodbye' }), false)
  transport.close(CLOSES.draining.code, CLOSES.draining.reason)
  t.equal(await client.ended, true)
  const fields = bytes.split('\n').map((line) => line.replace(/^data: .*/, 'data').replace(/^retry: .*/, 'retry'))
  t.strictSame(fields, ['retry', 'id: a/e1.1.a1', 'data', '', 'id: a/e1.2.a2', 'data', '', 'data', '', 'retry', 'data', '', ''])
  t.equal(transport.closeCode, 1001)
})

t.test('what is awaited is told once the kernel has it, and so is a heartbeat', async (t) => {
  const { transport, client, told } = await open(t)
  transport.write(replyFrame({ type: 'pong' }), false)
  transport.ping()
  await client.until('a comment', () => client.parser.comments === 1)
  t.strictSame(told, ['heard'])
  transport.write(replyFrame({ type: 'pong' }), true)
  await client.until('both', () => client.frames.length === 2)
  t.strictSame(told, ['heard', 'drained'])
  t.equal(transport.pendingBytes, 0)
})

for (const [name, last] of Object.entries({
  overloaded: { code: 503, reason: 'unavailable', message: 'overloaded', retryable: true, lastEventId: 'a/e1.1.a1' },
  defect: { code: 500, reason: 'internal', lastEventId: 'a/e1.1.a1' },
  unauthenticated: { code: 401, reason: 'token_expired', retryable: false, lastEventId: 'a/e1.1.a1' },
  disconnected: { code: 403, reason: 'forbidden', retryable: false, lastEventId: 'stop' }
})) {
  t.test(`${name} is told as an error, and then it ends`, async (t) => {
    const { transport, client } = await open(t)
    const { code, reason } = CLOSES[name as keyof typeof CLOSES]
    transport.close(code, reason)
    t.equal(await client.ended, true)
    t.match(client.frames, [{ type: 'error', ...last }])
    t.equal(client.frames.length, 1)
    t.ok(client.parser.retryMs! >= (name === 'unauthenticated' ? 500 : 2_000))
    t.equal(transport.closeCode, code)
    transport.write(replyFrame({ type: 'pong' }), true)
    transport.close(CLOSES.draining.code, '')
    transport.ping()
    t.equal(transport.closeCode, code, 'once')
  })
}

t.test('a room that cannot be joined ends it, so that it comes back: later', async (t) => {
  const { transport, client } = await open(t)
  const refused = replyFrame({ type: 'error', room: 'a', code: 503, reason: 'unavailable', retryable: true })
  transport.write(Buffer.concat([refused, sentEntry('b', entry(1)).frame]), false)
  t.equal(await client.ended, true)
  t.match(client.frames, [{ type: 'error', room: 'a', lastEventId: 'a/e1.1.a1' }, { type: 'message', room: 'b', lastEventId: 'a/e1.1.a1,b/e1.1.a1' }])
  t.equal(transport.closeCode, 4503)
  t.ok(client.parser.retryMs! >= 2_000)
})

t.test('who does not read is not waited for at the end', async (t) => {
  const { transport, client } = await open(t)
  client.response.pause()
  const large = replyFrame({ type: 'message', room: 'a', content: 'x'.repeat(1_000_000) })
  for (let n = 0; n < 20; n++) transport.write(large, false)
  t.ok(transport.pendingBytes > 1_000_000)
  const startMs = performance.now()
  transport.close(CLOSES.draining.code, '')
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (transport.pendingBytes > 0) return
      clearInterval(timer)
      resolve()
    }, 10)
  })
  const tookMs = performance.now() - startMs
  t.ok(tookMs > 1_900 && tookMs < 3_000, `${Math.round(tookMs)} ms`)
})
