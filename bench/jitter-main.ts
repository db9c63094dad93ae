import { Cluster, MAX_REPLICAS } from '../cluster/cluster.ts'
import { integer } from '../cluster/options.ts'
import { MAX_SEED, onInterrupt, optionsOrExit } from './command.ts'
import { report, runJitter, verdict } from './jitter.ts'
import { installPeer, reportPeer, runPeerJitter } from './jitter-peer.ts'

/** `npm run jitter`: nobody misses a message, however rough the network is. */
const HELP = `Clients on several replicas are cut again and again while messages are published into their room, and come back
to another replica with their cursors. Not one message may be lost, come twice, or be replaced by a gap. Then the same on
Socket.IO with its Redis adapter (which is installed beside the bench, once). That adapter does not support connection
state recovery, so its clients cannot resume; its Streams adapter does, and is not what is measured here.

  npm run jitter -- [--clients n] [--rates n,n] [--seconds n] [--cut-every s] [--offline s] [--replicas n] [--seed n] [--alone]

  --clients n    how many (default 300)
  --rates n,n    messages a second; one run for each (default 2,200)
  --seconds n    how long each run takes (default 60)
  --cut-every s  each connection is cut about once in so many seconds (default 15)
  --offline s    and comes back after so many (default 2)
  --replicas n   (default 3, at least 2: each client comes back to another one)
  --seed n       of the times of the cuts (default: a new one)
  --alone        without Socket.IO
  --help         this

Ctrl-C ends it, with what is known so far.
Exit code 0 where all is well, 1 where something is not, 2 where it was called wrongly, 130 or 143 where it was
interrupted.
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

const defaults = {
  clients: '300',
  rates: '2,200',
  seconds: '60',
  'cut-every': '15',
  offline: '2',
  replicas: '3',
  seed: String(Math.floor(Math.random() * 1e6)),
  alone: false
}
const options = optionsOrExit('jitter', HELP, defaults, (values): Options => ({
  clients: integer('--clients', values.clients, 1, 5_000),
  rates: values.rates.split(',').map((rate) => integer('--rates', rate, 1, 2_000)),
  seconds: integer('--seconds', values.seconds, 1, 3_600),
  cutEvery: integer('--cut-every', values['cut-every'], 1, 3_600),
  offline: integer('--offline', values.offline, 1, 600),
  replicas: integer('--replicas', values.replicas, 2, MAX_REPLICAS),
  seed: integer('--seed', values.seed, 0, MAX_SEED),
  alone: values.alone
}))
if (!options.alone) installPeer()
let soFar = (): string => 'interrupted after 0 cuts'
onInterrupt(() => soFar())
const cluster = await Cluster.start({ replicas: options.replicas, settings: SETTINGS })
const urls = cluster.replicas.map(({ http }) => `${http.replace('http', 'ws')}/ws`)
let isWell = true
for (const [index, rate] of options.rates.entries()) {
  const profile = {
    clients: options.clients,
    messagesPerSecond: rate,
    durationMs: options.seconds * 1_000,
    cutEveryMs: options.cutEvery * 1_000,
    offlineMs: options.offline * 1_000,
    seed: options.seed + index
  }
  const progress = (who: string) => (text: string) => process.stderr.write(`  ${who}, ${rate} messages a second: ${text}\n`)
  const redis = { url: cluster.redis!.url, prefix: 'tg:' }
  const result = await runJitter(urls, redis, profile, progress('Tidegate'), (known) => { soFar = known })
  const wrong = verdict(result)
  process.stdout.write(`\n${report(result)}\n${wrong.map((what) => `  NOT OK: ${what}\n`).join('')}`)
  isWell &&= wrong.length === 0
  if (!options.alone) {
    soFar = () => 'interrupted in the run of Socket.IO'
    const peer = await runPeerJitter(redis.url, options.replicas, profile, progress('Socket.IO'))
    process.stdout.write(`\n${reportPeer(peer)}\n`)
  }
}
await cluster.stop('SIGINT')
process.exit(isWell ? 0 : 1)
