import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import t, { type Test } from 'tap'
import { WebSocketServer } from 'ws'
import { BINARY, CLOSE, rawFrame, RawSocket, upgradeHead } from '../../../bench/floods/raw-socket.ts'
import { ClosingSocket } from '../../../src/http/closing-socket.ts'
import { WS_OPTIONS } from '../../../src/http/upgrade.ts'

const CHUNK = rawFrame('x'.repeat(65_536), { opcode: BINARY })
// Node reads 64 KiB at once, and once more while it is told not to.
const READ_BYTES = 131_072

/** A connection, its two ends. */
async function open (test: Test): Promise<{ ws: ClosingSocket, socket: Socket, client: RawSocket }> {
  const sockets = new WebSocketServer({ ...WS_OPTIONS, noServer: true, WebSocket: ClosingSocket })
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  test.teardown(() => { server.close() })
  const client = new RawSocket((server.address() as AddressInfo).port)
  test.teardown(() => client.socket.destroy())
  client.socket.write(upgradeHead())
  const [request, socket, head] = await once(server, 'upgrade')
  const ws = await new Promise<ClosingSocket>((resolve) => { sockets.handleUpgrade(request, socket, head, resolve) })
  ws.on('error', () => {})
  await client.until(({ status }) => status === 101)
  return { ws, socket, client }
}

/** How much is read of who pours on from now until they are cut off. */
async function readOf (client: RawSocket, socket: Socket): Promise<number> {
  const before = socket.bytesRead
  client.socket.removeAllListeners('end')
  const pour = (): void => {
    let isTaken = true
    while (isTaken && !client.socket.destroyed) isTaken = client.socket.write(CHUNK)
  }
  client.socket.on('drain', pour)
  pour()
  await once(socket, 'close')
  return socket.bytesRead - before
}

t.test('of who pours on after the close frame 256 KiB are read, or as much as is said', { jobs: 3 }, async (t) => {
  for (const [maxBytes, allowed] of [[undefined, 262_144], [1_000, 1_000], [0, 0]] as const) {
    t.test(`${maxBytes ?? 'by default'}`, async (t) => {
      const { ws, socket, client } = await open(t)
      ws.close(4429, 'enough', maxBytes)
      const read = await readOf(client, socket)
      t.ok(read <= allowed + READ_BYTES, `${read} bytes`)
      t.ok(read >= Math.min(allowed, 262_144), `${read} bytes`)
      t.equal(ws.sentCode, 4429)
    })
  }
})

t.test('the same where ws closes, because a frame breaks the rules', async (t) => {
  const { ws, socket, client } = await open(t)
  client.socket.write(rawFrame('', { opcode: 3 }))
  // What is read with that frame counts here as well.
  const read = await readOf(client, socket)
  t.ok(read <= 262_144 + 65_536 + READ_BYTES, `${read} bytes`)
  t.equal(ws.sentCode, 1002)
})

t.test('nothing more is read of a flooder, though ws finds an error in what it has sent before', async (t) => {
  const { ws, socket, client } = await open(t)
  ws.close(4429, 'enough', 0)
  // As ws does then.
  socket.resume()
  const read = await readOf(client, socket)
  t.ok(read <= READ_BYTES, `${read} bytes`)
})

t.test('of what came with the request that was too much nothing more is taken apart', async (t) => {
  const { ws, client } = await open(t)
  let heard = 0
  ws.on('message', () => {
    heard++
    ws.close(4429, 'enough', 0)
  })
  const gone = once(ws, 'close')
  // More than is read at once.
  client.socket.write(Buffer.concat(Array.from({ length: 50_000 }, () => rawFrame('x'))))
  t.equal((await client.until(({ code }) => code !== undefined)).code, 4429)
  client.socket.destroy()
  await gone
  t.equal(heard, 1)
})

t.test('who was not read from, because replies wait, is heard until its own close frame', async (t) => {
  const { ws, client } = await open(t)
  ws.pause()
  client.socket.write(rawFrame('waits'))
  ws.close(1001, 'draining')
  await client.until(({ code }) => code === 1001)
  client.socket.write(rawFrame(Buffer.from([3, 233]), { opcode: CLOSE }))
  const begunMs = performance.now()
  t.equal((await once(ws, 'close'))[0], 1001)
  t.ok(performance.now() - begunMs < 1_000, 'and not when ws gives it up, after 2 s')
})

t.test('what it was closed with is told once, with the code that was sent first', async (t) => {
  const { ws, client } = await open(t)
  const told: Array<number | undefined> = []
  ws.whenClosing = (code) => { told.push(code) }
  ws.close(4400, 'first', 0)
  ws.close(1001, 'second')
  t.equal((await client.until(({ code }) => code !== undefined)).code, 4400)
  ws.terminate()
  await once(ws, 'close')
  t.strictSame(told, [4400])
})
