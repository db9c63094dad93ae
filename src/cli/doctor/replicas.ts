import { randomBytes } from 'node:crypto'
import { Line } from '../line.ts'
import type { Target } from '../options.ts'
import { count, millis } from '../words.ts'
import { fault, type Finding, ok, skipped, warning } from './finding.ts'

// One of three replicas is missed by so many connections once in 5,000 times, where they are spread evenly.
const CONNECTIONS = 24
const RETURNS = 6
const PINGS = 10
// Across a continent.
const SLOW_MS = 150

/** Whether who comes back comes to its replica, and whether replicas tell each other what is published. */
export async function checkReplicas (target: Target): Promise<Finding[]> {
  const lines = await openLines(target, Array.from({ length: CONNECTIONS }, () => undefined))
  const [first] = lines
  if (first === undefined) return [skipped('replicas', 'nobody is let in any more')]
  const replicas = [...new Set(lines.map(({ replica }) => replica))].sort()
  const findings = [
    ok('replicas', `${count(replicas.length, 'replica')} seen on ${lines.length} connections: ${replicas.slice(0, 8).join(', ')}`),
    await checkStickiness(target, first, replicas.length),
    await checkFanOut(first, lines.find(({ replica }) => replica !== first.replica) ?? lines.at(-1)!),
    await checkLatency(first)
  ]
  for (const line of lines) line.end()
  return findings
}

async function openLines (target: Target, cookies: ReadonlyArray<string | undefined>): Promise<Line[]> {
  const opened = await Promise.all(cookies.map((cookie) => Line.open(target.ws, { ...target, cookie })))
  return opened.filter((line) => line instanceof Line)
}

/** Nothing depends on it, but coming back is cheaper where a replica follows one's rooms (docs/adr/0005). */
async function checkStickiness (target: Target, first: Line, replicas: number): Promise<Finding> {
  if (replicas === 1) return skipped('stickiness', 'a single replica answers: there is nothing to stick to')
  const advice = 'Nothing is lost by it, but coming back costs more: let the proxy stick by a cookie, as nginx.conf does.'
  if (first.cookie === undefined) return warning('stickiness', 'no cookie is set: who comes back comes to any replica', advice)
  const returned = await openLines(target, Array.from({ length: RETURNS }, () => first.cookie))
  const strayed = returned.filter(({ replica }) => replica !== first.replica).length
  for (const line of returned) line.end()
  if (returned.length === 0) return skipped('stickiness', 'nobody with a cookie is let in')
  if (strayed > 0) return warning('stickiness', `with its cookie ${strayed} of ${returned.length} came to another replica`, advice)
  return ok('stickiness', `with its cookie a client comes back to its replica (${returned.length} of ${returned.length})`)
}

async function checkFanOut (one: Line, other: Line): Promise<Finding> {
  const room = `live:doctor-${randomBytes(6).toString('hex')}`
  for (const line of [one, other]) {
    const reply = await line.ask({ type: 'join', room })
    if (reply?.type === 'error') return skipped('fan-out', `may not join ${room}: ${String(reply['message'])}`)
    if (reply === undefined) return fault('fan-out', 'a join is not answered', 'Look at the log of the gateway, and at Redis.')
  }
  const heard = one.next((frame) => frame.type === 'message' && frame['room'] === room)
  const startMs = performance.now()
  const reply = await other.ask({ type: 'message', room, content: 'tidegate doctor', ephemeral: true })
  if (reply?.type === 'error') return skipped('fan-out', `may not publish to ${room}: ${String(reply['message'])}`)
  const way = one.replica === other.replica ? `on ${one.replica}` : `from ${other.replica} to ${one.replica}`
  if (await heard === undefined) {
    return fault('fan-out', `what is published ${way} does not arrive`, 'Give all replicas the same REDIS_URL and REDIS_PREFIX.')
  }
  return ok('fan-out', `a message ${way} arrives, in ${millis(performance.now() - startMs)}`)
}

async function checkLatency (line: Line): Promise<Finding> {
  const times: number[] = []
  for (let n = 0; n < PINGS; n++) {
    const startMs = performance.now()
    if (await line.ask({ type: 'ping' }) === undefined) return fault('latency', 'a ping is not answered', 'Look at the load of the replica.')
    times.push(performance.now() - startMs)
  }
  times.sort((a, b) => a - b)
  const message = `a ping and its pong: ${millis(times[PINGS >> 1]!)} (half), ${millis(times.at(-1)!)} (slowest of ${PINGS})`
  return times[PINGS >> 1]! > SLOW_MS ? warning('latency', message, 'The network, or a replica with too much to do.') : ok('latency', message)
}
