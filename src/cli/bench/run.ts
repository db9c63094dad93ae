import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { performance } from 'node:perf_hooks'
import { signToken } from '../../auth/sign.ts'
import { CliError, EXIT, type ExitCode } from '../exit.ts'
import { type Io, write } from '../io.ts'
import type { Target } from '../options.ts'
import { createProgress } from '../progress.ts'
import { Crowd } from './crowd.ts'
import type { Plan } from './plan.ts'
import { isWell, jsonOf, resultOf, tableOf } from './result.ts'

const TICK_MS = 5
// A timer is late by about so much, and that is no latency of the gateway's.
const TIMER_MS = 2
const SHOWN_EVERY_MS = 200
/** What was published last has so long to arrive. */
const LAST_MS = 5_000
const TOKEN_S = 3_600

/** A first look at what a deployment holds. */
export async function runBench (target: Target, plan: Plan, io: Io, isJson: boolean): Promise<ExitCode> {
  const progress = createProgress(io)
  const run = randomBytes(4).toString('hex')
  const crowd = new Crowd({ ws: target.ws, plan, run, identityOf: identities(target, io.env) })
  try {
    const startMs = performance.now()
    await crowd.connect(() => progress.show('connecting', crowd.members.length / plan.connections,
      `${crowd.members.length} of ${plan.connections}`), io.signal)
    const connectMs = performance.now() - startMs
    if (crowd.members.length === 0 && !io.signal.aborted) throw nobody(target, crowd)
    const load = performance.eventLoopUtilization()
    const tookMs = await publish(crowd, plan, io.signal, (share) => progress.show('publishing', share,
      `${crowd.delivered.toLocaleString('en-US')} delivered`))
    const { utilization } = performance.eventLoopUtilization(load)
    progress.show('the last', 1, `${crowd.missing} to come`)
    await waitForLast(crowd, io.signal)
    progress.clear()
    const result = resultOf(crowd, { plan, connectMs, tookMs, utilization })
    await write(io.stdout, isJson ? jsonOf(result) : tableOf(result, io))
    return isWell(result) ? EXIT.done : EXIT.failed
  } finally {
    progress.clear()
    await crowd.end()
  }
}

function nobody ({ site }: Target, { refusals }: Crowd): CliError {
  const [why = 'no connection'] = refusals.keys()
  const isDenied = /^40[13]|token/.test(why)
  return new CliError(isDenied ? EXIT.denied : EXIT.unreachable, `${site}: ${why}`,
    isDenied ? 'Give a token: --token or TIDEGATE_TOKEN; or AUTH_SECRET, to have one made for each connection.' : 'tidegate doctor looks for why.')
}

type Identify = (index: number) => Promise<{ user?: string, token?: string }>

/** With the gateway's secret each connection is a user of its own: what one user may publish has a limit. */
function identities ({ token }: Target, env: Io['env']): Identify {
  const secret = env['AUTH_SECRET']
  if (token !== undefined) return async () => ({ token })
  if (!secret) return async (index) => ({ user: `bench-${index}` })
  const claims = {
    lifetimeS: TOKEN_S, issuer: env['AUTH_ISSUER'] || undefined, audience: env['AUTH_AUDIENCE'] || undefined
  }
  return async (index) => ({ token: await signToken(secret, { user: `bench-${index}`, ...claims }) })
}

/** Each publisher on its own beat; what could not leave in time leaves late, and its latency counts from its time. */
async function publish (
  crowd: Crowd, plan: Plan, signal: AbortSignal, show: (share: number) => void
): Promise<number> {
  const publishers = Math.min(plan.publishers, crowd.members.length)
  const padding = 'x'.repeat(plan.bytes)
  const total = publishers * plan.perSecond * plan.seconds
  const spacingMs = plan.seconds * 1_000 / total
  const startMs = performance.now()
  let sent = 0
  let shownMs = 0
  while (sent < total && !signal.aborted) {
    const nowMs = performance.now() - startMs
    for (; sent < total && sent * spacingMs <= nowMs; sent++) {
      const dueMs = sent * spacingMs
      crowd.publish(sent % publishers, startMs + (nowMs - dueMs < TIMER_MS ? nowMs : dueMs), padding)
    }
    if (nowMs - shownMs > SHOWN_EVERY_MS) show((shownMs = nowMs) / (plan.seconds * 1_000))
    await delay(Math.max(1, startMs + sent * spacingMs - performance.now()))
  }
  return performance.now() - startMs
}

async function waitForLast (crowd: Crowd, signal: AbortSignal): Promise<void> {
  const endMs = performance.now() + LAST_MS
  const isDone = (): boolean => crowd.missing === 0 && crowd.unanswered === 0
  while (!isDone() && performance.now() < endMs && !signal.aborted) await delay(TICK_MS)
}
