import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { deflateRawSync, constants } from 'node:zlib'
import t, { type Test } from 'tap'
import WebSocket from 'ws'
import { connect, type Client } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'

const CONTENT = { text: 'the same words again and again '.repeat(60) }

interface Heard { readonly client: Client, readonly bytes: () => number }

/** A client that offers permessage-deflate or not, and what came over its socket. */
async function open (t: Test, url: string, perMessageDeflate: boolean | object): Promise<Heard> {
  const client = await connect(t, url, { perMessageDeflate })
  const { _socket: socket } = client.socket as unknown as { _socket: { bytesRead: number } }
  const before = socket.bytesRead
  return { client, bytes: () => socket.bytesRead - before }
}

t.test('who offers permessage-deflate gets large messages compressed; the others the same as ever', async (t) => {
  const { ws } = await startGateway(t, { DEFLATE_BYTES: '200' })
  const [first, second, plain] = await Promise.all([true, true, false].map((offer) => open(t, `${ws}?join=general`, offer)))
  t.match(first!.client.socket.extensions, /^permessage-deflate/)
  t.equal(plain!.client.socket.extensions, '')
  for (const { client } of [first!, second!, plain!]) await client.next('joined')
  await plain!.client.ask({ type: 'message', room: 'general', content: CONTENT })
  for (const { client } of [first!, second!, plain!]) t.match(await client.next('message'), { content: CONTENT })
  t.ok(first!.bytes() < 800, `${first!.bytes()} bytes`)
  t.ok(plain!.bytes() > 1_800)
  // What it compresses itself is read, too.
  t.match(await first!.client.ask({ type: 'message', room: 'general', content: CONTENT }), { type: 'ack' })
  t.match(await second!.client.next('message'), { content: CONTENT })
})

t.test('a history has its messages, compressed or not', async (t) => {
  const { ws } = await startGateway(t, { DEFLATE_BYTES: '200' })
  const { client } = await open(t, `${ws}?join=general`, true)
  for (let n = 0; n < 3; n++) await client.ask({ type: 'message', room: 'general', content: { n, ...CONTENT } })
  const late = await open(t, `${ws}?join=general&history=3`, true)
  await late.client.next('joined')
  for (let n = 0; n < 3; n++) t.match(await late.client.next('message'), { content: { n } })
})

t.test('a smaller window is not had: such a client is served without compression', async (t) => {
  const { ws } = await startGateway(t, { DEFLATE_BYTES: '200' })
  const { client } = await open(t, `${ws}?join=general`, { serverMaxWindowBits: 9 })
  t.equal(client.socket.extensions, '')
  await client.next('joined')
  await client.ask({ type: 'message', room: 'general', content: CONTENT })
  t.match(await client.next('message'), { content: CONTENT })
})

t.test('nor is one that is written in another way', async (t) => {
  const { http } = await startGateway(t, { DEFLATE_BYTES: '200' })
  for (const [bits, isHad] of [['=010', false], ['\t= "9"', false], ['="15"', true], ['=15', true]] as const) {
    const headers = {
      connection: 'upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-extensions': `permessage-deflate; server_max_window_bits${bits}`
    }
    const [response, socket] = await once(request(`${http}/ws`, { headers }).end(), 'upgrade') as [IncomingMessage, Socket]
    socket.destroy()
    t.equal(response.headers['sec-websocket-extensions'] !== undefined, isHad, bits)
  }
})

t.test('by default nothing is compressed', async (t) => {
  const { ws } = await startGateway(t)
  const { client } = await open(t, ws, true)
  t.equal(client.socket.extensions, '')
})

t.test('what is small on the wire and large in memory is too large (1009), and read no further', async (t) => {
  const { ws } = await startGateway(t, { DEFLATE_BYTES: '200' })
  const socket = new WebSocket(ws, { perMessageDeflate: true })
  t.teardown(() => socket.terminate())
  await once(socket, 'open')
  const bomb = deflateRawSync(Buffer.alloc(50_000_000), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
  t.ok(bomb.length < 65_536, `${bomb.length} bytes`)
  const header = Buffer.from([0xc1, 0xfe, bomb.length >> 8, bomb.length & 0xff, 0, 0, 0, 0])
  const { _socket: raw } = socket as unknown as { _socket: NodeJS.WritableStream }
  raw.write(Buffer.concat([header, bomb]))
  const [code] = await once(socket, 'close') as [number]
  t.equal(code, 1009)
})
