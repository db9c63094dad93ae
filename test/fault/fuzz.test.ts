import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { RawSocket, type Said } from '../../bench/floods/raw-socket.ts'
import { connect } from '../helpers/client.ts'
import { figuresOf } from '../helpers/metrics.ts'
import { GatewayProcess } from '../helpers/process.ts'
import { type Input, inputOf } from './fuzz-inputs.ts'

// `SEED=5` sends the same inputs once more, `SEED=5 INPUT=17` only that one of them.
const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9))
const ONLY = process.env['INPUT'] === undefined ? undefined : Number(process.env['INPUT'])
const COUNT = 10_000
const WARM_UP = 2_000
const LANES = 24
const PATIENCE_MS = 8_000
const MAX_GROWTH = 32 * 2 ** 20
const MAX_ACK_MS = 1_000

// RFC 6455 section 7.4: what may stand in a close frame; what a client sends there is said back to it.
const isSendable = (code: number): boolean =>
  (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code <= 4999)
const STATUSES = new Set([101, 400, 403, 404, 405, 408, 413, 414, 426, 431, 505])

t.setTimeout(120_000)
t.comment(`SEED=${SEED}`)

const gateway = new GatewayProcess(t, {
  PORT: '0',
  MAX_CONNECTIONS_PER_ADDRESS: '0',
  RATE_CONNECTIONS: '0',
  RATE_HTTP: '0',
  MAX_LOOP_DELAY_MS: '0',
  LOG_LEVEL: 'info',
  // With much memory V8 is in no hurry to collect: what leaks would not be seen among what is only garbage.
  NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --max-old-space-size=120 --max-semi-space-size=2`
})
const { http, ws } = await gateway.ready()
const port = Number(new URL(http).port)
const seen: Record<string, number> = {}
// Of what a gateway died of, nobody can say which input it was: the last ones are told.
const RECENT = 60
const recent = new Map<number, Input>()

/** What is wrong with what a gateway said; undefined for nothing. */
function complaint ({ status, frames, code, reason, problem }: Said): string | undefined {
  seen[code ?? status ?? 'cut off'] = (seen[code ?? status ?? 'cut off'] ?? 0) + 1
  if (problem !== undefined) return problem
  if (status === undefined) return 'no answer'
  if (!STATUSES.has(status)) return `status ${status}`
  if (code === 1011 && reason === 'a defect of the gateway') return 'a defect'
  if (code !== undefined && code !== 1005 && !isSendable(code)) return `code ${code}`
  for (const { opcode, payload } of frames) {
    if (opcode === 1) JSON.parse(payload.toString())
    else if (opcode !== 8 && opcode !== 10) return `a frame of opcode ${opcode}`
  }
  return undefined
}

/** One connection that sends one input, and then that it has no more to say. */
async function send (index: number, lane: number): Promise<void> {
  const input = inputOf(SEED, index)
  recent.set(index, input)
  recent.delete(index - RECENT)
  // An address for each lane, so that ports do not run out.
  const raw = new RawSocket(port, { localAddress: `127.0.1.${1 + lane}` })
  raw.socket.write(input.bytes.subarray(0, input.cut))
  if (input.cut < input.bytes.length) await turn()
  raw.socket.end(input.bytes.subarray(input.cut))
  const patience = setTimeout(() => raw.socket.destroy(new Error('late')), PATIENCE_MS)
  let isLate = false
  raw.socket.on('error', ({ message }) => { isLate = message === 'late' })
  const said = await raw.ended
  clearTimeout(patience)
  const wrong = isLate ? 'it was not ended' : complaint(said)
  if (wrong !== undefined) fail(wrong, index, input)
}

function fail (what: string, index: number, input: Input): never {
  const isEnding = gateway.child.exitCode !== null || gateway.child.signalCode !== null || gateway.stdout.includes('uncaught')
  const inputs = isEnding ? [...recent] : [[index, input] as const]
  const hex = inputs.map(([n, { kind, bytes }]) => `SEED=${SEED} INPUT=${n} (${kind}): ${bytes.toString('hex')}`)
  throw new Error(`${isEnding ? 'the gateway ended' : what}; sent was:\n${hex.join('\n')}\n${gateway.stderr}`)
}

async function sendAll (from: number, to: number): Promise<void> {
  let next = from
  await Promise.all(Array.from({ length: LANES }, async (_, lane) => {
    while (next < to) await send(next++, lane)
  }))
}

t.test(`${ONLY === undefined ? '10,000 frames' : `input ${ONLY}`} of all kinds of wrong harm nobody`, async (t) => {
  if (ONLY !== undefined) return await send(ONLY, 0)
  const other = await connect(t, `${ws}?join=yard`)
  const over = new AbortController()
  const acksMs: number[] = []
  const asking = (async () => {
    while (!over.signal.aborted) {
      const sentMs = performance.now()
      const { type } = await other.ask({ type: 'message', room: 'yard', content: 'still here' })
      if (type !== 'ack') throw new Error(`another client is told ${type}`)
      acksMs.push(performance.now() - sentMs)
      await delay(60)
    }
  })()
  const memory = async (): Promise<number> => (await figuresOf(http)).get('process_resident_memory_bytes')!
  try {
    await sendAll(0, WARM_UP)
    const before = await memory()
    await sendAll(WARM_UP, COUNT)
    const grown = await memory() - before
    over.abort()
    await asking
    acksMs.sort((a, b) => a - b)
    const [p50, p99, most] = [0.5, 0.99, 1].map((share) => acksMs[Math.floor(share * (acksMs.length - 1))]!.toFixed(1))
    t.comment(`${COUNT} inputs, ended with ${JSON.stringify(seen)}`)
    t.comment(`memory grew by ${(grown / 2 ** 20).toFixed(1)} MB; another's ${acksMs.length} acks: ` +
      `p50 ${p50} ms, p99 ${p99} ms, at most ${most} ms`)
    t.ok(grown < MAX_GROWTH, `it grew by ${grown} bytes`)
    t.ok(acksMs.at(-1)! < MAX_ACK_MS, 'another client is served meanwhile')
  } finally {
    over.abort()
  }
  t.ok(seen['1002']! > 500 && seen['1007']! > 50, 'much of it was as wrong as it should be')
  t.equal((await figuresOf(http)).get('connections'), 1, 'nothing is left of all these connections')
  t.notMatch(gateway.stdout, /"level":(50|60)/, 'and nothing in the log that is our fault')
  t.equal(gateway.stderr, '')
})
