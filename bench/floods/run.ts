import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from '../../cluster/client.ts'
import type { Replica } from '../../cluster/replica.ts'
import { held } from '../suite/held.ts'
import { GENERATORS_CPU, idly, pinned } from '../suite/pin.ts'
import { FLOODS, FULL_ROOM, type Outcome } from './attacks.ts'
import { Bystanders } from './bystanders.ts'

export interface Window {
  readonly acksMs: readonly number[]
  readonly memoryMiB: number
  /** How late its event loop was, at the 99th percentile. */
  readonly loopP99Ms: number
}

export interface FloodResult {
  readonly name: string
  /** The very first of both; undefined where it was not warmed up before. */
  readonly cold: { readonly quiet: Window, readonly flooded: Window } | undefined
  readonly quiet: readonly Window[]
  readonly flooded: readonly Window[]
  readonly after: Window
  /** What the gateway holds on to more than before, its garbage collected. */
  readonly leftMiB: number
  readonly outcomes: Readonly<Record<Outcome, number>>
}

export interface Plan {
  /** Before those that count: what never ran before is compiled meanwhile. */
  readonly warmRounds: number
  readonly rounds: number
  readonly seconds: number
  /** Whether who floods runs only where nobody else wants the processor: an attacker has a machine of its own. */
  readonly isIdle: boolean
}

const FLOODER = fileURLToPath(new URL('flooder-main.js', import.meta.url))
// Everyone else is at 127.0.0.1.
const ATTACKER = '127.0.0.2'
const BYSTANDERS = 6
// For what the flood has left in buffers to be gone.
const SETTLE_MS = 500
// As monitorEventLoopDelay counts: the time between two of its ticks.
const TICK_MS = 10

/** What the room that is asked for has to tell: about as much as one answer may hold. */
export async function fillRoom (ws: string): Promise<void> {
  const client = new Client(`${ws}?join=${FULL_ROOM}`)
  await client.next('joined')
  for (let n = 0; n < 20; n++) await client.ask({ type: 'message', room: FULL_ROOM, content: 'x'.repeat(12_000) })
  client.socket.terminate()
}

/** Quiet windows and floods by turns, because machines are fast and slow by turns. */
export async function runFlood (
  name: string, replica: Replica, { warmRounds, rounds, seconds, isIdle }: Plan
): Promise<FloodResult> {
  const bystanders = await Bystanders.join(`${replica.http.replace('http', 'ws')}/ws`, BYSTANDERS)
  const { leastSeconds = 0, lingerSeconds = 0 } = FLOODS[name]!
  const quiet: Window[] = []
  const flooded: Window[] = []
  const outcomes: Record<Outcome, number> = {}
  const quietly = async (): Promise<Window> => await measured(replica, bystanders, delay(seconds * 1_000))
  await bystanders.during(delay(SETTLE_MS))
  const floodedly = async (): Promise<Window> => {
    const flood = flooding(name, replica.port, Math.max(seconds, leastSeconds), isIdle)
    const window = await measured(replica, bystanders, flood)
    for (const [outcome, count] of Object.entries(await flood)) outcomes[outcome] = (outcomes[outcome] ?? 0) + count
    await delay(SETTLE_MS)
    return window
  }
  const { heldBytes } = await held(replica.child)
  let cold: FloodResult['cold']
  for (let round = -warmRounds; round < rounds; round++) {
    const both = { quiet: await quietly(), flooded: await floodedly() }
    if (round < 0) cold ??= both
    else {
      quiet.push(both.quiet)
      flooded.push(both.flooded)
    }
  }
  const after = await quietly()
  bystanders.leave()
  await delay(lingerSeconds * 1_000)
  const leftMiB = ((await held(replica.child)).heldBytes - heldBytes) / 2 ** 20
  return { name, cold, quiet, flooded, after, leftMiB, outcomes }
}

async function flooding (
  name: string, port: number, seconds: number, isIdle: boolean
): Promise<Record<Outcome, number>> {
  const normal = pinned(GENERATORS_CPU, { command: process.execPath, args: [] })
  const { command, args } = isIdle ? idly(normal) : normal
  const child = fork(FLOODER, [name, String(port), ATTACKER], { execPath: command, execArgv: [...args] })
  const said = once(child, 'message') as Promise<[Record<Outcome, number>]>
  const ended = once(child, 'exit').then(([code]) => { throw new Error(`the flooder ended with ${code}`) })
  ended.catch(() => {})
  await Promise.race([delay(seconds * 1_000), ended])
  child.send('stop')
  const [outcomes] = await Promise.race([said, ended])
  return outcomes
}

async function measured (replica: Replica, bystanders: Bystanders, until: Promise<unknown>): Promise<Window> {
  // What is read begins anew with each reading.
  await scrape(replica)
  const acksMs = await bystanders.during(until)
  return { acksMs, ...await scrape(replica) }
}

async function scrape ({ http }: Replica): Promise<{ memoryMiB: number, loopP99Ms: number }> {
  const text = await (await fetch(`${http}/metrics`)).text()
  const figure = (series: string): number => Number(new RegExp(`^${series} (.+)$`, 'm').exec(text)?.[1])
  return {
    memoryMiB: figure('process_resident_memory_bytes') / 2 ** 20,
    loopP99Ms: Math.max(0, figure('nodejs_eventloop_lag_p99_seconds') * 1_000 - TICK_MS)
  }
}
