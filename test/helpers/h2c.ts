import { once } from 'node:events'
import { connect } from 'node:net'

/**
 * Asks as Java's HttpClient and `curl --http2` do, which offer to go on in HTTP/2. The body comes in a packet of its
 * own, and another request of the same connection after the answer. Resolves with the first one's status and body.
 */
export async function offerH2c (
  port: number | string, method: string, path: string, body?: string
): Promise<[number, string]> {
  const socket = connect(Number(port), '127.0.0.1')
  socket.setNoDelay()
  const length = body === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: x\r\n${length}` +
    'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n')
  if (body !== undefined) setImmediate(() => socket.write(body))
  const [answer] = await once(socket, 'data') as [Buffer]
  socket.write('GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  let next = ''
  for await (const chunk of socket) next += String(chunk)
  if (!next.startsWith('HTTP/1.1 404')) throw new Error(`the connection did not go on: ${next}`)
  const [, status, text] = /^HTTP\/1\.1 ([0-9]+)[^]*?\r\n\r\n([^]*)$/.exec(String(answer))!
  return [Number(status), text!]
}
