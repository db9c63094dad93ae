import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { eventually } from '../../cluster/until.ts'
import { type Client, connect } from '../helpers/client.ts'
import { startCluster } from '../helpers/cluster.ts'
import type { Flood, Outcomes } from '../helpers/flooder.ts'
import { SECRET, tokenOf } from '../helpers/tokens.ts'

t.setTimeout(240_000)

// Everyone else is at 127.0.0.1.
const ATTACKER = '127.0.0.2'
const PER_ADDRESS = 50
const { cluster } = await startCluster(t, {
  AUTH_SECRET: SECRET, MAX_CONNECTIONS_PER_ADDRESS: String(PER_ADDRESS), TRUST_PROXY: '127.0.0.1', LOG_LEVEL: 'info'
})
const direct = `${cluster.replicas[0]!.http.replace('http', 'ws')}/ws`

interface Flooded { readonly outcomes: Outcomes, readonly tookMs: number }
interface Flooding { readonly child: ChildProcess, readonly done: Promise<Flooded> }

function flood (t: Test, options: Flood): Flooding {
  const script = fileURLToPath(new URL('../helpers/flooder.js', import.meta.url))
  const child = spawn(process.execPath, [script, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const done = once(createInterface(child.stdout), 'line').then(([line]) => JSON.parse(String(line)) as Flooded)
  return { child, done }
}

/** Acks of somebody else, one after the other, for as long as something goes on. */
async function latency (client: Client, until: Promise<unknown>): Promise<{ p50: number, p99: number, count: number }> {
  const over = new AbortController()
  void until.then(() => over.abort())
  const tookMs: number[] = []
  while (!over.signal.aborted) {
    const sentMs = performance.now()
    const answer = await client.ask({ type: 'message', room: 'yard', content: 'still here' })
    if (answer.type !== 'ack') throw new Error(`others are refused: ${JSON.stringify(answer)}`)
    tookMs.push(performance.now() - sentMs)
    // As fast as one may publish.
    await new Promise((resolve) => { setTimeout(resolve, 55) })
  }
  tookMs.sort((a, b) => a - b)
  const at = (share: number): number => Math.round(tookMs[Math.floor(share * (tookMs.length - 1))]! * 10) / 10
  return { p50: at(0.5), p99: at(0.99), count: tookMs.length }
}

async function watched (t: Test, options: Flood, check: (result: Flooded) => void): Promise<void> {
  const quiet = async (): Promise<void> => { await new Promise((resolve) => { setTimeout(resolve, 2_000) }) }
  const other = await connect(t, `${cluster.ws}?token=${await tokenOf('bob')}&join=yard`)
  const before = await latency(other, quiet())
  const { child, done } = flood(t, options)
  const during = await latency(other, done)
  const result = await done
  const after = await latency(other, quiet())
  t.comment(`${JSON.stringify(result)}; an ack of somebody else's, ms: before ${JSON.stringify(before)}, ` +
    `during ${JSON.stringify(during)}, after ${JSON.stringify(after)}`)
  check(result)
  child.kill('SIGKILL')
  t.match(await other.ask({ type: 'ping' }), { type: 'pong' }, 'the other is still there')
  t.equal((await fetch(`${cluster.replicas[0]!.http}/healthz`)).status, 200)
}

t.test('10,000 connections from one address: so many are let in, the others get 429', async (t) => {
  await watched(t, {
    kind: 'connect', url: `${cluster.ws}?token=${await tokenOf('eve')}`, localAddress: ATTACKER, count: 10_000
  }, ({ outcomes }) => {
    t.ok(outcomes['101']! <= 3 * PER_ADDRESS, 'at most so many on each replica')
    t.ok(outcomes['101']! >= PER_ADDRESS)
    t.strictSame(Object.keys(outcomes).filter((key) => !['101', '429', '503'].includes(key)), [])
    t.equal(outcomes['101']! + outcomes['429']! + (outcomes['503'] ?? 0), 10_000)
  })
  await eventually('when they have ended, it is let in again', async () => {
    const { child, done } = flood(t, {
      kind: 'connect', url: `${cluster.ws}?token=${await tokenOf('eve')}`, localAddress: ATTACKER, count: 1
    })
    const { outcomes } = await done
    child.kill('SIGKILL')
    return outcomes['101'] === 1
  }, 10_000)
})

t.test('who forges X-Forwarded-For through nginx is counted by the address that nginx saw', async (t) => {
  for (let n = 0; n < 4; n++) {
    const { done } = flood(t, {
      kind: 'connect',
      url: `${cluster.ws}?token=${await tokenOf('eve')}`,
      localAddress: '127.0.0.3',
      headers: { 'x-forwarded-for': `10.0.0.${n}`, forwarded: `for=10.0.0.${n}`, 'x-real-ip': `10.0.0.${n}` },
      count: PER_ADDRESS
    })
    const { outcomes } = await done
    if (n < 3) continue
    t.ok((outcomes['429'] ?? 0) > 0, `whatever address it claims: ${JSON.stringify(outcomes)}`)
  }
})

t.test('who forges it around nginx, too: only the address of a proxy is believed', async (t) => {
  const { done } = flood(t, {
    kind: 'connect',
    url: `${direct}?token=${await tokenOf('eve')}`,
    localAddress: '127.0.0.4',
    headers: { 'x-forwarded-for': '10.1.1.1' },
    count: PER_ADDRESS
  })
  t.strictSame((await done).outcomes, { 101: PER_ADDRESS })
  const { done: again } = flood(t, {
    kind: 'connect',
    url: `${direct}?token=${await tokenOf('eve')}`,
    localAddress: '127.0.0.4',
    headers: { 'x-forwarded-for': '10.2.2.2' },
    count: 10
  })
  t.strictSame((await again).outcomes, { 429: 10 })
})

t.test('a publisher at 100 times its rate: what passes is bounded, it is closed, and comes back to the same bound', async (t) => {
  await watched(t, {
    kind: 'publish', url: `${cluster.ws}?token=${await tokenOf('eve')}&join=yard`, localAddress: '127.0.0.5', count: 10_000, perSecond: 2_000
  }, ({ outcomes, tookMs }) => {
    // 100 a second of a user, counted in windows of 2 s, and a batch of 10 on each replica that is not told of yet.
    const bound = (Math.ceil(tookMs / 2_000) + 1) * (200 + 3 * 10)
    t.ok(outcomes['ack']! <= bound, `${outcomes['ack']} of 10,000 passed, the bound is ${bound}`)
    t.ok(outcomes['4429']! > 0, 'it was closed')
  })
})
