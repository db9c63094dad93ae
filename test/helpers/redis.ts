import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'

/** A real redis-server of this test's own, on a free port, without persistence. */
export class RedisServer {
  readonly port: number
  readonly url: string
  #child: ChildProcess | undefined
  #dir: string | undefined

  private constructor (port: number) {
    this.port = port
    this.url = `redis://127.0.0.1:${port}`
  }

  static async start (): Promise<RedisServer> {
    const server = await RedisServer.reserve()
    await server.run()
    return server
  }

  /** An address where no Redis runs yet. */
  static async reserve (): Promise<RedisServer> {
    return new RedisServer(await freePort())
  }

  async run (): Promise<void> {
    this.#dir = await mkdtemp(join(tmpdir(), 'tidegate-redis-'))
    const child = spawn('redis-server', [
      '--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.#dir
    ], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child = child
    for await (const line of createInterface(child.stdout)) {
      if (/ready to accept connections/i.test(line)) break
    }
    // Nobody reads on; a full pipe would stop the server.
    child.stdout.resume()
  }

  async stop (): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    if (child.exitCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await rm(this.#dir!, { recursive: true, force: true })
  }

  /** A connection for the test itself. */
  connect (): Redis {
    return new Redis(this.url)
  }
}

export async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
