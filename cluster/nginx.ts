import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Child } from './child.ts'
import { makeTempFolder, removeTempFolder } from './temp-folder.ts'

const CONF = fileURLToPath(new URL('../nginx.conf', import.meta.url))

interface NginxOptions {
  readonly port: number
  /** Loopback where it is not given. */
  readonly host?: string | undefined
  readonly onLine?: (line: string) => void
}

/** nginx with this repository's nginx.conf (which the build copies), in a folder of its own. */
export class Nginx {
  readonly port: number
  readonly #dir: string
  readonly #onLine: (line: string) => void
  #child: Child | undefined

  private constructor (dir: string, { port, onLine = () => {} }: NginxOptions) {
    this.#dir = dir
    this.port = port
    this.#onLine = onLine
  }

  /** @param servers the upstream's, as `host:port` */
  static async start (servers: readonly string[], options: NginxOptions): Promise<Nginx> {
    const dir = await makeTempFolder('nginx')
    const nginx = new Nginx(dir, options)
    try {
      // Workers of a root's nginx are somebody else, and have to get in.
      await chmod(dir, 0o755)
      await mkdir(join(dir, 'tidegate'))
      await copyFile(CONF, join(dir, 'nginx.conf'))
      await writeFile(join(dir, 'tidegate/listen.conf'), `listen ${options.host ?? '127.0.0.1'}:${options.port};\n`)
      await nginx.setServers(servers)
      await nginx.run()
    } catch (error) {
      await nginx.stop()
      throw error
    }
    return nginx
  }

  get child (): Child | undefined {
    return this.#child
  }

  /** Changes the upstream's servers; a reload makes it so. */
  async setServers (servers: readonly string[]): Promise<void> {
    const lines = servers.map((server) => `server ${server} max_fails=0;\n`)
    await writeFile(join(this.#dir, 'tidegate/upstream.conf'), lines.join(''))
  }

  async run (): Promise<void> {
    await this.test()
    this.#child = await Child.spawn('nginx', [...this.#args, '-g', 'daemon off;'], { onLine: this.#onLine })
    // Its sockets listen before there are workers.
    await this.#child.says(/start worker process \d/)
  }

  /** `nginx -t`. @throws with what is wrong */
  async test (): Promise<void> {
    await this.#tell('-t', '-q')
  }

  /** `nginx -s reload`: new workers for new connections; the old ones keep what they have. */
  async reload (): Promise<void> {
    await this.#tell('-s', 'reload')
  }

  /** What was logged of requests, a line each. */
  async accessLog (): Promise<string[]> {
    return (await readFile(join(this.#dir, 'access.log'), 'utf8')).split('\n').filter((line) => line !== '')
  }

  async stop (): Promise<void> {
    // Old workers, of before a reload, end with their master.
    await this.#child?.end('SIGTERM')
    await removeTempFolder(this.#dir)
  }

  get #args (): string[] {
    return ['-p', this.#dir, '-c', join(this.#dir, 'nginx.conf'), '-e', 'stderr']
  }

  async #tell (...args: string[]): Promise<void> {
    const said: string[] = []
    const child = await Child.spawn('nginx', [...this.#args, ...args], { onLine: (line) => { said.push(line) } })
    const { code } = await child.ended
    if (code !== 0) throw new Error(`nginx ${args.join(' ')}: ${said.join('\n')}`)
  }
}
