import { parseArgs } from 'node:util'
import { Cluster } from '../cluster/cluster.ts'
import { integer } from '../cluster/options.ts'
import { report, runJitter, verdict } from './jitter.ts'
import { installPeer, reportPeer, runPeerJitter } from './jitter-peer.ts'

/** `npm run jitter`: nobody misses a message, however rough the network is. */
const HELP = `Clients on several replicas are cut again and again while messages are published into their room, and come back
to another replica with their cursors. Not one message may be lost, come twice, or be replaced by a gap. Then the same on
Socket.IO with its Redis adapter (which is installed beside the bench, once).

  npm run jitter -- [--clients n] [--rates n,n] [--seconds n] [--cut-every s] [--offline s] [--replicas n] [--seed n] [--alone]

  --clients n    how many (default 300)
  --rates n,n    messages a second; one run for each (default 2,200)
  --seconds n    how long each run takes (default 60)
  --cut-every s  each connection is cut about once in so many seconds (default 15)
  --offline s    and comes back after so many (default 2)
  --replicas n   (default 3)
  --seed n       of the times of the cuts (default: a new one)
  --alone        without Socket.IO
  --help         this

Exit code 0 where all is well, 1 where something is not, 2 where it was called wrongly.
`

// All clients come from one address here, and one publisher sends more than any client may.
const SETTINGS = { MAX_CONNECTIONS_PER_ADDRESS: '0', RATE_PUBLISHES: '0', RATE_REQUESTS: '0', RATE_CONNECTIONS: '0' }

interface Options {
  readonly clients: number
  readonly rates: readonly number[]
  readonly seconds: number
  readonly cutEvery: number
  readonly offline: number
  readonly replicas: number
  readonly seed: number
  readonly alone: boolean
}

const options = optionsOrExit()
if (!options.alone) installPeer()
const cluster = await Cluster.start({ replicas: options.replicas, settings: SETTINGS })
const urls = cluster.replicas.map(({ http }) => `${http.replace('http', 'ws')}/ws`)
let isWell = true
for (const [index, rate] of options.rates.entries()) {
  const result = await runJitter(urls, { url: cluster.redis!.url, prefix: 'tg:' }, {
    clients: options.clients,
    messagesPerSecond: rate,
    durationMs: options.seconds * 1_000,
    cutEveryMs: options.cutEvery * 1_000,
    offlineMs: options.offline * 1_000,
    seed: options.seed + index
  }, (text) => process.stderr.write(`  ${text}\n`))
  const wrong = verdict(result)
  process.stdout.write(`\n${report(result)}\n${wrong.map((what) => `  NOT OK: ${what}\n`).join('')}`)
  isWell &&= wrong.length === 0
  if (!options.alone) {
    const peer = await runPeerJitter(cluster.redis!.url, options.replicas, result.profile)
    process.stdout.write(`\n${reportPeer(peer)}\n`)
  }
}
await cluster.stop('SIGINT')
process.exit(isWell ? 0 : 1)

function optionsOrExit (): Options {
  try {
    return readOptions()
  } catch (error) {
    process.stderr.write(`jitter: ${(error as Error).message}\n\n${HELP}`)
    process.exit(2)
  }
}

function readOptions (): Options {
  const { values } = parseArgs({
    options: {
      clients: { type: 'string', default: '300' },
      rates: { type: 'string', default: '2,200' },
      seconds: { type: 'string', default: '60' },
      'cut-every': { type: 'string', default: '15' },
      offline: { type: 'string', default: '2' },
      replicas: { type: 'string', default: '3' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
      alone: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false }
    }
  })
  if (values.help) {
    process.stdout.write(HELP)
    process.exit(0)
  }
  return {
    clients: integer('--clients', values.clients, 1, 5_000),
    rates: values.rates.split(',').map((rate) => integer('--rates', rate, 1, 2_000)),
    seconds: integer('--seconds', values.seconds, 1, 3_600),
    cutEvery: integer('--cut-every', values['cut-every'], 1, 3_600),
    offline: integer('--offline', values.offline, 1, 600),
    replicas: integer('--replicas', values.replicas, 1, 26),
    seed: integer('--seed', values.seed, 0, 2 ** 32),
    alone: values.alone
  }
}
