import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type OutgoingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import type { Test } from 'tap'

interface ProxyFaults {
  /** Headers that it does not pass on. */
  readonly drops?: readonly string[]
  /** What it says instead of the Host that was asked for. */
  readonly host?: string
}

/** A proxy that knows nothing of stickiness: each connection goes to the next gateway. @returns its address */
export async function startPlainProxy (
  test: Test, ports: readonly number[], { drops = [], host }: ProxyFaults
): Promise<string> {
  let turn = 0
  const sockets = new Set<Socket>()
  const onward = (asked: IncomingMessage): ReturnType<typeof request> => {
    const headers: OutgoingHttpHeaders = { ...asked.headers, ...(host === undefined ? {} : { host }) }
    for (const name of drops) delete headers[name]
    const port = ports[turn++ % ports.length]!
    return request({ port, method: asked.method, path: asked.url, headers, agent: false })
  }
  const server = createServer((asked, answer) => {
    const passed = onward(asked)
    passed.on('response', (response) => {
      answer.writeHead(response.statusCode!, response.headers)
      response.pipe(answer)
    })
    passed.on('error', () => answer.destroy())
    asked.pipe(passed)
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('upgrade', (asked, socket) => {
    const passed = onward(asked)
    passed.on('upgrade', (response, upstream, head) => {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headOf(response)}\r\n`)
      if (head.length > 0) socket.write(head)
      socket.pipe(upstream).pipe(socket)
      for (const [one, other] of [[socket, upstream], [upstream, socket]] as const) {
        one.on('error', () => {})
        one.on('close', () => other.destroy())
      }
    })
    passed.on('response', (response) => {
      socket.write(`HTTP/1.1 ${response.statusCode} ${response.statusMessage}\r\n${headOf(response)}connection: close\r\n\r\n`)
      response.pipe(socket)
    })
    passed.on('error', () => socket.destroy())
    passed.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  test.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

function headOf ({ rawHeaders }: IncomingMessage): string {
  let head = ''
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name, value] = [rawHeaders[index]!, rawHeaders[index + 1]!]
    // Of this connection, and not of the next one.
    if (/^(?:transfer-encoding|connection)$/i.test(name) && !/upgrade/i.test(value)) continue
    head += `${name}: ${value}\r\n`
  }
  return head
}
