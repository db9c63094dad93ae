import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Child } from './child.ts'
import { freePort } from './ports.ts'
import { makeTempFolder, removeTempFolder } from './temp-folder.ts'

/** A real redis-server of one's own, on a free port; without persistence, where its options ask for none. */
export class RedisServer {
  readonly port: number
  readonly url: string
  readonly #options: readonly string[]
  onLine: (line: string) => void = () => {}
  #child: Child | undefined
  #folder: string | undefined

  private constructor (port: number, options: readonly string[]) {
    this.port = port
    this.#options = options
    this.url = `redis://127.0.0.1:${port}`
  }

  /** @param options of redis-server's command line */
  static async start (...options: string[]): Promise<RedisServer> {
    const server = await RedisServer.reserve(...options)
    await server.run()
    return server
  }

  /** An address where no Redis runs yet. */
  static async reserve (...options: string[]): Promise<RedisServer> {
    return new RedisServer(await freePort(), options)
  }

  get child (): Child | undefined {
    return this.#child
  }

  async run (): Promise<void> {
    this.#folder ??= await makeTempFolder('redis')
    this.#child = await Child.spawn('redis-server', [
      '--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.#folder,
      ...this.#options
    ], { onLine: (line) => this.onLine(line) })
    await this.#child.says(/ready to accept connections/i)
  }

  /** It ends without a goodbye; `run` starts it again, with what it has saved. */
  async kill (): Promise<void> {
    await this.#child?.end('SIGKILL')
  }

  /** What it has saved is gone. */
  async forget (): Promise<void> {
    if (this.#folder !== undefined) await rm(join(this.#folder, 'dump.rdb'), { force: true })
  }

  /** It stands still, and its connections stand; or it goes on. */
  freeze (isFrozen: boolean): void {
    this.#child?.process.kill(isFrozen ? 'SIGSTOP' : 'SIGCONT')
  }

  async stop (): Promise<void> {
    await this.#child?.end('SIGKILL')
    this.#child = undefined
    if (this.#folder !== undefined) await removeTempFolder(this.#folder)
    this.#folder = undefined
  }
}
