import { once } from 'node:events'
import { createServer } from 'node:net'

/** A port on loopback that nobody has just now. */
export async function freePort (): Promise<number> {
  return await tryPort(0, '127.0.0.1')
}

/**
 * Whether a port can be listened on.
 * @throws Error with code EADDRINUSE or EACCES where it cannot
 */
export async function tryPort (port: number, host?: string): Promise<number> {
  const server = createServer().listen(port, host)
  await once(server, 'listening')
  const address = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return address.port
}
