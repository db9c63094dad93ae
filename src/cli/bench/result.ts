import type { Io } from '../io.ts'
import { paintFor, printable, safeJson, table } from '../terminal.ts'
import type { Crowd } from './crowd.ts'
import type { Plan } from './plan.ts'

interface Taken {
  readonly plan: Plan
  readonly connectMs: number
  /** How long was published. */
  readonly tookMs: number
  /** Of this process's event loop, 0 to 1. */
  readonly utilization: number
}

/** Times in milliseconds. */
interface Result {
  readonly connections: number
  readonly wanted: number
  readonly replicas: number
  readonly rooms: number
  readonly publishers: number
  readonly connectsPerSecond: number
  readonly seconds: number
  readonly published: number
  readonly refused: number
  readonly unanswered: number
  readonly delivered: number
  readonly deliveredPerSecond: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly lost: number
  readonly repeated: number
  readonly cut: number
  readonly loopShare: number
  readonly refusals: Readonly<Record<string, number>>
}

// Above this it is this process that is measured, and not the gateway.
const BUSY = 0.8

export function resultOf (crowd: Crowd, { plan, connectMs, tookMs, utilization }: Taken): Result {
  const { latencyUs, members, delivered } = crowd
  const percentile = (percent: number): number =>
    delivered === 0 ? 0 : Math.round(latencyUs.percentile(percent) / 10) / 100
  return {
    connections: members.length,
    wanted: plan.connections,
    replicas: crowd.replicas,
    rooms: plan.rooms,
    publishers: plan.publishers,
    connectsPerSecond: Math.round(members.length / connectMs * 1_000),
    seconds: Math.round(tookMs / 100) / 10,
    published: crowd.published,
    refused: crowd.refused,
    unanswered: crowd.unanswered,
    delivered,
    deliveredPerSecond: Math.round(delivered / tookMs * 1_000),
    p50Ms: percentile(50),
    p95Ms: percentile(95),
    p99Ms: percentile(99),
    maxMs: percentile(100),
    lost: crowd.missing,
    repeated: crowd.repeated,
    cut: crowd.cut,
    loopShare: Math.round(utilization * 100) / 100,
    refusals: Object.fromEntries(crowd.refusals)
  }
}

/** Everyone connected, and everything arrived, once. */
export function isWell ({ connections, wanted, lost, repeated, cut, unanswered, refused }: Result): boolean {
  return connections === wanted && lost + repeated + cut + unanswered + refused === 0
}

export function jsonOf (result: Result): string {
  return `${safeJson(result)}\n`
}

export function tableOf (result: Result, { stdout, env }: Io): string {
  const paint = paintFor(stdout, env)
  const number = (value: number): string => value.toLocaleString('en-US')
  const bad = (value: number): string => value === 0 ? paint('green', '0') : paint('red', number(value))
  const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} ms`
  const rows = [
    ['connections', result.connections === result.wanted ? number(result.connections) : paint('red', `${number(result.connections)} of ${number(result.wanted)}`)],
    ['replicas seen', number(result.replicas)],
    ['connects', `${number(result.connectsPerSecond)}/s`],
    ['published', `${number(result.published)} in ${result.seconds.toFixed(1)} s`],
    ['delivered', number(result.delivered)],
    ['delivered/s', paint('bold', number(result.deliveredPerSecond))],
    ['p50', ms(result.p50Ms)],
    ['p95', ms(result.p95Ms)],
    ['p99', paint('bold', ms(result.p99Ms))],
    ['slowest', ms(result.maxMs)],
    ['lost', bad(result.lost)],
    ['repeated', bad(result.repeated)],
    ['refused', bad(result.refused)],
    ['unanswered', bad(result.unanswered)],
    ['cut', bad(result.cut)]
  ]
  const reasons = Object.entries(result.refusals).map(([why, times]) => `${paint('red', `${number(times)} times`)}: ${printable(why)}\n`)
  const note = result.loopShare > BUSY ? `${paint('yellow', `This process was busy for ${Math.round(result.loopShare * 100)} % of the time`)}: it is measured here, and not the gateway.\n` : ''
  return `${table([{ title: 'figure' }, { title: 'value', align: 'right' }], rows, paint)}${reasons.join('')}${note}`
}
