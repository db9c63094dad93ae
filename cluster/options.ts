import { isIP } from 'node:net'
import { parseArgs } from 'node:util'
import { VARIABLES } from '../src/settings.ts'
import { MAX_REPLICAS } from './cluster.ts'

export const HELP = `Redis, several replicas, and nginx in front with this repository's nginx.conf, as child processes.

  npm run cluster -- [--replicas n] [--port n] [--host address] [--redis url] [--image name [--storage folder]]

  --replicas n  how many (default 3, at most ${MAX_REPLICAS})
  --port n      where nginx listens (default 8080; 0 takes a free one)
  --host a      the address that nginx listens on (default 127.0.0.1: everyone who reaches it may do everything)
  --redis url   a Redis that runs already, instead of one of its own
  --image name  the replicas are processes of this image, as buildah has it (npm run image; Linux, root)
  --storage d   where npm run image was told to keep it, if it was
  --help        this

It shows which replica serves whom. What ends without being asked to is started again after a second: kill one and
see. The gateways take their settings (docs/configuration.md) from the environment, such as DRAIN_MS=5000; files that
are shared are in a folder of its own, where no setting says otherwise. Ctrl-C ends all of it, in order, and removes
that folder; a second one ends it at once.
`

export interface Options {
  readonly replicas: number
  readonly port: number
  readonly host: string
  readonly redisUrl: string | undefined
  readonly image: string | undefined
  readonly storage: string | undefined
  readonly help: boolean
}

/**
 * Reads the command line.
 * @throws Error that names the option that is wrong
 */
export function readOptions (args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      replicas: { type: 'string', default: '3' },
      port: { type: 'string', default: '8080' },
      host: { type: 'string', default: '127.0.0.1' },
      redis: { type: 'string' },
      image: { type: 'string' },
      storage: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false }
    }
  })
  if (values.redis !== undefined && !/^rediss?:\/\/[^/]/.test(values.redis)) {
    throw new Error('--redis: must be redis://host:port or rediss://host:port')
  }
  if (values.storage !== undefined && values.image === undefined) throw new Error('--storage: needs --image')
  return {
    replicas: integer('--replicas', values.replicas, 1, MAX_REPLICAS),
    port: integer('--port', values.port, 0, 65_535),
    host: address(values.host),
    redisUrl: values.redis,
    image: values.image,
    storage: values.storage,
    help: values.help
  }
}

/** @throws Error that names the option */
export function integer (name: string, text: string, min: number, max: number): number {
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : NaN
  if (value >= min && value <= max) return value
  throw new Error(`${name}: must be an integer of ${min} to ${max}, not ${JSON.stringify(text)}`)
}

function address (text: string): string {
  if (isIP(text) === 4) return text
  if (isIP(text) === 6) return `[${text}]`
  throw new Error(`--host: must be an IP address, not ${JSON.stringify(text)}`)
}

/** What the cluster decides itself, with the option that stands for it, where there is one. */
const CLUSTERS_OWN = new Map([
  ['PORT', '--port'], ['REDIS_URL', '--redis'], ['REDIS_ADDR', '--redis'], ['REDIS_PASS', '--redis'],
  ['REDIS_DB', '--redis'], ['HOST', '--host'], ['REPLICA', undefined], ['LOG_LEVEL', undefined]
])

/** The gateways' settings in our environment, but for what the cluster decides; and what to say of that. */
export function readSettings (env: NodeJS.ProcessEnv): { settings: Record<string, string>, ignored: string[] } {
  const given = VARIABLES.filter((name) => env[name]).map((name) => [name, env[name]!] as const)
  const ignored = given.filter(([name]) => CLUSTERS_OWN.has(name)).map(([name]) => {
    const option = CLUSTERS_OWN.get(name)
    return `${name} is not used: ${option === undefined ? 'the cluster decides that itself' : `there is ${option}`}`
  })
  return { settings: Object.fromEntries(given.filter(([name]) => !CLUSTERS_OWN.has(name))), ignored }
}
