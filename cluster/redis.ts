import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { Child } from './child.ts'
import { freePort } from './ports.ts'

/** A real redis-server of one's own, on a free port, without persistence. */
export class RedisServer {
  readonly port: number
  readonly url: string
  /** Every line that it says. */
  onLine: (line: string) => void = () => {}
  #child: Child | undefined
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

  get child (): Child | undefined {
    return this.#child
  }

  async run (): Promise<void> {
    this.#dir ??= await mkdtemp(join(tmpdir(), 'tidegate-redis-'))
    this.#child = await Child.spawn('redis-server', [
      '--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.#dir
    ], { onLine: (line) => this.onLine(line) })
    await this.#child.says(/ready to accept connections/i)
  }

  async stop (): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    await child.end('SIGKILL')
    await rm(this.#dir!, { recursive: true, force: true })
    this.#dir = undefined
  }

  /** A connection for the test itself. */
  connect (): Redis {
    return new Redis(this.url)
  }
}
