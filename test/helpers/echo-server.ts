import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Test } from 'tap'
import { type RawData, type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import { WS_OPTIONS } from '../../src/http/upgrade.ts'

type Answer = (ws: WebSocket, data: RawData, isBinary: boolean) => void

const sendBack: Answer = (ws, data, isBinary) => ws.send(data, { binary: isBinary })

/**
 * Answers every message, with ws and the gateway's options; ended with the test.
 * @param changes of the options
 * @returns its port
 */
export async function startEchoServer (
  test: Test, changes: ServerOptions & { autoPong?: boolean },
  answer: Answer = sendBack, greet: (ws: WebSocket) => void = () => {}
): Promise<number> {
  const sockets = new WebSocketServer({ ...WS_OPTIONS, ...changes, noServer: true })
  const server = createServer()
  server.on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (ws) => {
      greet(ws)
      ws.on('message', (data, isBinary) => answer(ws, data, isBinary))
      // A close frame with the right code follows each.
      ws.on('error', () => {})
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  test.teardown(() => { server.close() })
  return (server.address() as { port: number }).port
}
