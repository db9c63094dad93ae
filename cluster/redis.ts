import { Child } from './child.ts'
import { freePort } from './ports.ts'
import { makeTempFolder, removeTempFolder } from './temp-folder.ts'

/** A real redis-server of one's own, on a free port, without persistence. */
export class RedisServer {
  readonly port: number
  readonly url: string
  onLine: (line: string) => void = () => {}
  #child: Child | undefined
  #folder: string | undefined

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
    this.#folder ??= await makeTempFolder('redis')
    this.#child = await Child.spawn('redis-server', [
      '--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.#folder
    ], { onLine: (line) => this.onLine(line) })
    await this.#child.says(/ready to accept connections/i)
  }

  async stop (): Promise<void> {
    await this.#child?.end('SIGKILL')
    this.#child = undefined
    if (this.#folder !== undefined) await removeTempFolder(this.#folder)
    this.#folder = undefined
  }
}
