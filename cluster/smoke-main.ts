import { parseArgs } from 'node:util'
import { smoke } from './smoke.ts'

/** `npm run smoke -- URL`: whether a deployment does what it should. */
const HELP = `Tries a running deployment from outside: pages, stickiness, chat over all replicas, the car.

  npm run smoke -- [URL] [--replicas n]

  URL           where nginx listens (default http://localhost:8080)
  --replicas n  how many there are (default 3)

Exit code 0 where all is well, 1 where something is not, 2 where it was called wrongly.
`

const { site, replicas } = read()
let failures = 0
for (const { what, run } of smoke(site, replicas)) {
  try {
    await run()
    process.stdout.write(`ok      ${what}\n`)
  } catch (error) {
    failures++
    process.stdout.write(`NOT OK  ${what}: ${reason(error)}\n`)
  }
}
process.exit(failures === 0 ? 0 : 1)

function read (): { site: string, replicas: number } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { replicas: { type: 'string', default: '3' }, help: { type: 'boolean', short: 'h', default: false } }
    })
    if (values.help) {
      process.stdout.write(HELP)
      process.exit(0)
    }
    const [url = 'http://localhost:8080', ...more] = positionals
    if (more.length > 0) throw new Error(`${more[0]}: one URL is enough`)
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new Error(`URL: must be http://host:port, not ${url}`)
    if (!/^[1-9][0-9]?$/.test(values.replicas)) throw new Error(`--replicas: must be an integer of 1 to 99, not ${values.replicas}`)
    return { site: new URL(url).origin, replicas: Number(values.replicas) }
  } catch (error) {
    process.stderr.write(`smoke: ${(error as Error).message}\n\n${HELP}`)
    process.exit(2)
  }
}

function reason (error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? `${message} (${cause.message})` : message
}
