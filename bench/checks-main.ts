import { randomBytes } from 'node:crypto'
import { cpus } from 'node:os'
import { Grants } from '../src/auth/grants.ts'
import { signToken } from '../src/auth/sign.ts'
import { decode } from '../src/protocol/codec.ts'
import { MemoryQuota } from '../src/quota/memory.ts'
import { Allowance } from '../src/session/allowance.ts'
import { refusePublish } from '../src/session/permissions.ts'
import { UserRates } from '../src/session/user-rates.ts'
import { Client } from '../cluster/client.ts'
import { Cluster } from '../cluster/cluster.ts'
import { integer } from '../cluster/options.ts'
import { optionsOrExit } from './command.ts'
import { cpuUs } from './cpu.ts'

/** `npm run checks`: what it costs a publish to be checked. */
const HELP = `What tokens, permissions and limits cost a message that is published, beside all that it costs otherwise.

  npm run checks -- [--messages n] [--rounds n]

  --messages n  published in each round on a replica of its own, with Redis in the path (default 20000)
  --rounds n    (default 5)
  --help        this

Exit code 0 where the checks take less than 5 % of a message's CPU time, 1 where they take more, 2 where it was called wrongly.
`

const MAX_SHARE = 0.05
const CHECKS = 2_000_000
const AUTH_SECRET = randomBytes(32).toString('base64')
// What a token of many rooms has: the patterns are looked through for every message.
const ROOMS = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`team-${n}:*`, ['join', 'publish']]))
const ROOM = 'team-7:lobby'
const OFF = { RATE_PUBLISHES: '0', RATE_REQUESTS: '0', RATE_USER_PUBLISHES: '0', RATE_BYTES: '0' }
const ON = { RATE_PUBLISHES: '1000000', RATE_REQUESTS: '1000000', RATE_USER_PUBLISHES: '1000000', RATE_BYTES: '1000000000' }

const { messages, rounds } = optionsOrExit('checks', HELP, { messages: '20000', rounds: '5' }, (values) => ({
  messages: integer('--messages', values.messages, 100, 10_000_000),
  rounds: integer('--rounds', values.rounds, 1, 100)
}))
process.stdout.write(`${cpus().length} × ${cpus()[0]!.model}, Node ${process.version}\n`)
const checkUs = checkCost()
process.stdout.write(`the checks alone: ${checkUs.toFixed(3)} µs a message (median of ${rounds})\n`)
const open: number[] = []
const guarded: number[] = []
for (let round = 1; round <= rounds; round++) {
  // Interleaved, because machines are fast and slow by turns.
  open.push(await messageCost(OFF))
  guarded.push(await messageCost({ ...ON, AUTH_SECRET }))
  process.stderr.write(`  round ${round}: ${open.at(-1)!.toFixed(1)} µs open, ${guarded.at(-1)!.toFixed(1)} µs with all checks\n`)
}
const share = checkUs / median(open)
process.stdout.write(`a message, from frame to ack and to one member, Redis in the path: ${median(open).toFixed(1)} µs of the ` +
  `replica's CPU in an open gateway without limits, ${median(guarded).toFixed(1)} µs with a token of 20 patterns and all limits\n` +
  `the checks are ${(share * 100).toFixed(2)} % of it (measured as a whole: ${((median(guarded) / median(open) - 1) * 100).toFixed(1)} %)\n`)
process.exit(share < MAX_SHARE ? 0 : 1)

/** Everything that is asked of a publish before it is carried out, but for its decoding. Microseconds. */
function checkCost (): number {
  const grants = Grants.of({ rooms: ROOMS, can: ['move'] })
  const now = (): number => performance.now()
  const users = new UserRates(new MemoryQuota(), 1e9, now)
  const limits = {
    maxMessageBytes: 65_536,
    sendQueueBytes: 0,
    stallTimeoutMs: 0,
    maxRooms: Infinity,
    maxRoomsPerConnection: 128,
    requestsPerSecond: 1e9,
    publishesPerSecond: 1e9,
    bytesPerSecond: 1e12,
    pingIntervalMs: 0
  }
  const allowance = new Allowance(limits, now, 'ann', users)
  const rule = { kind: 'log', publish: 'members', presence: true } as const
  const decoded = decode(JSON.stringify({ type: 'message', room: ROOM, content: 'x' }))
  if (!decoded.ok) throw new Error('the message is not valid')
  return median(Array.from({ length: rounds }, () => {
    const startMs = performance.now()
    for (let n = 0; n < CHECKS; n++) {
      if (allowance.refuse(128, true) !== undefined || refusePublish(grants, ROOM, rule, true) !== undefined) throw new Error('refused')
    }
    return (performance.now() - startMs) * 1_000 / CHECKS
  }))
}

/** CPU time of one replica for each message. Microseconds. */
async function messageCost (settings: Record<string, string>): Promise<number> {
  const cluster = await Cluster.start({ replicas: 1, settings })
  try {
    const [replica] = cluster.replicas
    const token = await signToken(AUTH_SECRET, { user: 'ann', lifetimeS: 600, rooms: ROOMS })
    const client = new Client(`${replica!.http.replace('http', 'ws')}/ws?token=${token}&join=${ROOM}`)
    await client.next('joined')
    await publish(client, 2_000)
    const before = await cpuUs(replica!.child.pid)
    await publish(client, messages)
    const after = await cpuUs(replica!.child.pid)
    client.socket.terminate()
    return (after - before) / messages
  } finally {
    await cluster.stop('SIGINT')
  }
}

/** So many at once under way as a busy client has. */
async function publish (client: Client, count: number): Promise<void> {
  const content = 'x'.repeat(100)
  const AT_ONCE = 100
  for (let sent = 0; sent < count; sent += AT_ONCE) {
    for (let n = 1; n < AT_ONCE; n++) client.send({ type: 'message', room: ROOM, content })
    client.send({ type: 'message', room: ROOM, content, id: 'last' })
    await client.next('ack')
    client.frames.length = 0
    client.texts.length = 0
  }
}

function median (values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
}
