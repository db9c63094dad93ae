import { Nginx } from './nginx.ts'
import { freePort } from './ports.ts'
import { RedisServer } from './redis.ts'
import { fromBuild, type Launcher, Replica } from './replica.ts'
import { makeTempFolder, removeTempFolder } from './temp-folder.ts'

interface ClusterOptions {
  /** 3 where it is not given. */
  readonly replicas?: number
  /** Where nginx listens; a free port where it is not given. */
  readonly port?: number
  /** The address that nginx listens on; loopback where it is not given. */
  readonly host?: string | undefined
  /** A Redis that runs already, for each replica; otherwise one of the cluster's own. */
  readonly redisUrl?: string | ((index: number) => string)
  /** The gateways' settings. Where they say nothing of files, those are in a folder that goes with the cluster. */
  readonly settings?: Readonly<Record<string, string>>
  readonly launcher?: Launcher
  /** Every line that one of the processes says. */
  readonly onLine?: (source: string, line: string) => void
}

/** As many as there are letters to call them by. */
export const MAX_REPLICAS = 26

/** gateway-a, gateway-b and so on. */
export function nameOf (index: number): string {
  return `gateway-${String.fromCharCode('a'.charCodeAt(0) + index)}`
}

/** What docker-compose.yml describes, as child processes: Redis, replicas, and nginx in front. */
export class Cluster {
  readonly replicas: readonly Replica[]
  readonly #options: ClusterOptions
  readonly #folder: string | undefined
  #redis: RedisServer | undefined
  #nginx: Nginx | undefined

  private constructor (options: ClusterOptions, redis: RedisServer | undefined, folder: string | undefined) {
    const { replicas = 3, launcher = fromBuild, redisUrl = redis!.url, onLine = () => {} } = options
    const settings = { ...options.settings, ...folder === undefined ? {} : { FILES_DIR: folder } }
    this.#options = options
    this.#redis = redis
    this.#folder = folder
    this.replicas = Array.from({ length: replicas }, (_, index) => {
      const name = nameOf(index)
      const REDIS_URL = typeof redisUrl === 'string' ? redisUrl : redisUrl(index)
      return new Replica(name, launcher, { ...settings, REDIS_URL }, (line) => onLine(name, line))
    })
  }

  /** Resolves when all of it is fit for traffic. */
  static async start (options: ClusterOptions = {}): Promise<Cluster> {
    const redis = options.redisUrl === undefined ? await RedisServer.reserve() : undefined
    const cluster = new Cluster(options, redis, hasOwnFiles(options) ? await makeTempFolder('files') : undefined)
    try {
      await cluster.#run()
    } catch (error) {
      await cluster.stop('SIGKILL')
      throw error
    }
    return cluster
  }

  /** Undefined where it is not the cluster's own. */
  get redis (): RedisServer | undefined {
    return this.#redis
  }

  get nginx (): Nginx {
    if (this.#nginx === undefined) throw new Error('nginx was not started')
    return this.#nginx
  }

  /** Through nginx. */
  get http (): string {
    return `http://127.0.0.1:${this.nginx.port}`
  }

  get ws (): string {
    return `ws://127.0.0.1:${this.nginx.port}/ws`
  }

  replica (name: string): Replica {
    const found = this.replicas.find((replica) => replica.name === name)
    if (found === undefined) throw new Error(`no replica is called ${name}`)
    return found
  }

  /** The replicas first, so that they can say goodbye through nginx, and flush to Redis. */
  async stop (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.stop(signal)))
    await this.#nginx?.stop()
    await this.#redis?.stop()
    if (this.#folder !== undefined) await removeTempFolder(this.#folder)
  }

  async #run (): Promise<void> {
    const { host, onLine = () => {} } = this.#options
    if (this.#redis !== undefined) {
      this.#redis.onLine = (line) => onLine('redis', line)
      await this.#redis.run()
    }
    await Promise.all(this.replicas.map((replica) => replica.start()))
    const servers = this.replicas.map((replica) => `127.0.0.1:${replica.port}`)
    const port = this.#options.port ?? await freePort()
    this.#nginx = await Nginx.start(servers, { port, host, onLine: (line) => onLine('nginx', line) })
  }
}

/** An image's replicas see no folder of ours. */
function hasOwnFiles ({ settings = {}, launcher }: ClusterOptions): boolean {
  return launcher === undefined && ['FILES', 'FILES_DIR', 'FILES_S3_URL'].every((name) => settings[name] === undefined)
}
