import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { WebSocketServer } from 'ws'
import { cli } from '../../helpers/cli.ts'

/** A gateway that loses every tenth message on its way to one member, and sends another one twice. */
async function startLossy (test: Test): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  test.teardown(() => { server.close() })
  let seq = 0
  let deliveries = 0
  server.on('connection', (socket) => {
    socket.send('{"type":"welcome","protocol":1,"replica":"lossy","user":"x"}')
    socket.on('message', (data: Buffer) => {
      const { type, id, room, content } = JSON.parse(String(data)) as Record<string, unknown>
      if (type === 'join') return socket.send(JSON.stringify({ type: 'joined', id, room, seq }))
      seq++
      socket.send(JSON.stringify({ type: 'ack', id, room, seq }))
      for (const client of server.clients) {
        const frame = JSON.stringify({ type: 'message', room, seq, content })
        if (++deliveries % 10 === 0) continue
        client.send(frame)
        if (deliveries === 1) client.send(frame)
      }
    })
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('what is lost or repeated is counted, and makes a bench fail', async (t) => {
  const url = await startLossy(t)
  const { code, stdout } = await cli(['bench', url, '-c', '4', '-r', '1', '-p', '1', '--rate', '10', '-s', '1', '--json'])
  t.equal(code, 1)
  t.match(JSON.parse(stdout), { published: 10, delivered: 36, lost: 4, repeated: 1, unanswered: 0, cut: 0 })
})
