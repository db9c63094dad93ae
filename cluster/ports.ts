import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the ports a kernel gives by itself (32768 and up on Linux, 49152 elsewhere). One of those may be the local end
 * of somebody's connection before its finder listens on it.
 */
const [LOWEST_PORT, HIGHEST_PORT] = [20_000, 32_767]

/** A port on loopback that nobody has just now, and that no connection is given. */
export async function freePort (): Promise<number> {
  for (;;) {
    try {
      return await tryPort(randomInt(LOWEST_PORT, HIGHEST_PORT + 1), '127.0.0.1')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
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
