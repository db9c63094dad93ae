import { setTimeout as delay } from 'node:timers/promises'
import { Cluster } from '../cluster/cluster.ts'
import { RedisServer } from '../cluster/redis.ts'
import { TcpProxy } from '../test/helpers/tcp-proxy.ts'
import { Crowd } from './crowd.ts'
import { type Fault, FAULTS, type Target } from './faults.ts'
import { footprint, isBack } from './footprint.ts'
import type { Account } from './ledger.ts'
import { type Random, seeded } from './random.ts'

interface ChaosOptions {
  readonly seed: number
  readonly durationMs: number
  readonly clients: number
  readonly messagesPerSecond: number
  /** Those that may strike; all of them where it is not given. */
  readonly faults?: readonly Fault[]
  readonly onProgress?: (text: string) => void
  /** Given what is known so far, for whoever does not wait for the end. */
  readonly onStart?: (soFar: () => ChaosResult) => void
}

export interface ChaosResult {
  readonly seed: number
  /** How often each fault struck, and the longest it took to heal. */
  readonly struck: ReadonlyMap<string, { readonly times: number, readonly slowestMs: number }>
  readonly account: Account
  readonly gaps: number
  readonly resumes: number
  readonly answers: Readonly<Record<string, number>>
  readonly slowestAnswerMs: number
  /** From the last thing that a client heard on a connection until it had joined on the next. Milliseconds. */
  readonly silenceMs: { readonly p50: number, readonly p99: number, readonly max: number }
  readonly problems: readonly string[]
}

const ROOM = 'chaos'
const PREFIX = 'tg:'
const REPLICAS = 3
const PAIR = 0.4
const CALM_MS = 1_000
const ANSWERED_MS = 2_000
const LINGER_MS = 11_000
const LOG_ENTRIES = 5_000
const SETTINGS = {
  MAX_CONNECTIONS_PER_ADDRESS: '0',
  RATE_PUBLISHES: '0',
  RATE_REQUESTS: '0',
  RATE_CONNECTIONS: '0',
  // So that a client finds a frozen replica within seconds.
  PING_INTERVAL_MS: '2000',
  DRAIN_MS: '2000',
  // Whoever is away for the longest of these faults is within retention.
  LOG_ENTRIES: String(LOG_ENTRIES)
}

/** Clients and publishers over three replicas while faults strike, one after the other and in pairs. */
export async function runChaos (options: ChaosOptions): Promise<ChaosResult> {
  const { seed, durationMs, clients, messagesPerSecond, faults = FAULTS } = options
  const { onProgress = () => {}, onStart = () => {} } = options
  const random = seeded(seed)
  const redis = await RedisServer.start()
  const proxies = await Promise.all(Array.from({ length: REPLICAS }, () => TcpProxy.open(redis.port, 'redis')))
  const redisUrl = (index: number): string => `redis://127.0.0.1:${proxies[index]!.port}`
  const cluster = await Cluster.start({ replicas: REPLICAS, redisUrl, settings: SETTINGS })
  const urls = cluster.replicas.map(({ http }) => `${http.replace('http', 'ws')}/ws`)
  const crowd = new Crowd(urls, { room: ROOM, clients, publishers: 3, messagesPerSecond, logEntries: LOG_ENTRIES })
  const damaged = (): void => crowd.ledger.damaged()
  const target: Target = { redis, proxies, replicas: cluster.replicas, clients: crowd.clients, damaged }
  const problems: string[] = []
  const struck = new Map<string, { times: number, slowestMs: number }>()
  let slowestMs = 0
  const soFar = (): ChaosResult => {
    const silences = crowd.clients.flatMap(({ silencesMs }) => silencesMs).sort((a, b) => a - b)
    return {
      seed,
      struck,
      account: crowd.ledger.account,
      gaps: crowd.ledger.gaps.length,
      resumes: crowd.clients.reduce((sum, { resumes }) => sum + resumes, 0),
      answers: crowd.answers.counts,
      slowestAnswerMs: slowestMs,
      silenceMs: { p50: quantile(silences, 0.5), p99: quantile(silences, 0.99), max: silences.at(-1) ?? 0 },
      problems: [...new Set([...problems, ...crowd.errors])]
    }
  }
  onStart(soFar)
  try {
    const before = await footprint(cluster.replicas, target.redis)
    await crowd.join()
    crowd.resume()
    await crowd.healed(10_000)
    const endMs = performance.now() + durationMs
    const bag = new Bag(faults, random)
    while (performance.now() < endMs || !bag.isEachOut) {
      const pair = bag.draw(random() < PAIR)
      const before = { gaps: crowd.ledger.gaps.length, verdict: crowd.ledger.verdict().join() }
      crowd.forgetSlowest()
      const healedMs = await strike(target, crowd, pair, random).catch((error: unknown) => {
        problems.push(`${namesOf(pair)}: ${(error as Error).message}`)
        return Infinity
      })
      await crowd.rest(target.redis.url, PREFIX)
      onProgress(`${namesOf(pair)}: healed after ${Math.round(healedMs)} ms, ${crowd.ledger.gaps.length} gaps so far`)
      problems.push(...judge(crowd, pair, healedMs, before))
      if (pair.every(({ where }) => where !== 'replicas')) slowestMs = Math.max(slowestMs, crowd.answers.slowestMs)
      for (const { name } of healedMs === Infinity ? [] : pair) {
        const known = struck.get(name) ?? { times: 0, slowestMs: 0 }
        struck.set(name, { times: known.times + 1, slowestMs: Math.max(known.slowestMs, healedMs) })
      }
      // What a fault did to answers is judged; the calm after it is another matter.
      crowd.forgetSlowest()
      crowd.resume()
      await delay(CALM_MS * random())
    }
    const calm = { gaps: crowd.ledger.gaps.length, verdict: crowd.ledger.verdict().join() }
    await crowd.rest(target.redis.url, PREFIX)
    problems.push(...judge(crowd, [], 0, calm))
    crowd.close()
    for (const proxy of proxies) proxy.reap()
    await delay(LINGER_MS)
    problems.push(...isBack(before, await footprint(cluster.replicas, target.redis)))
    for (const { name } of faults) if (!struck.has(name)) problems.push(`${name}: never struck`)
  } finally {
    crowd.close()
    await cluster.stop('SIGINT')
    for (const proxy of proxies) proxy.close()
    await target.redis.stop()
  }
  return soFar()
}

function quantile (sorted: readonly number[], share: number): number {
  return sorted[Math.floor(sorted.length * share)] ?? 0
}

/** Each fault once, in a random order, then all of them again. */
class Bag {
  readonly #faults: readonly Fault[]
  readonly #random: Random
  #left: Fault[] = []
  #drawn = 0

  constructor (faults: readonly Fault[], random: Random) {
    this.#faults = faults
    this.#random = random
  }

  get isEachOut (): boolean {
    return this.#drawn >= this.#faults.length
  }

  /** One, or two that strike different things. */
  draw (isPair: boolean): readonly Fault[] {
    if (this.#left.length === 0) this.#left = [...this.#faults]
    const first = this.#take(this.#left)
    const others = this.#left.filter(({ where }) => where !== first.where)
    return isPair && others.length > 0 ? [first, this.#take(others)] : [first]
  }

  #take (from: readonly Fault[]): Fault {
    const fault = from[Math.floor(this.#random() * from.length)]!
    this.#left = this.#left.filter((other) => other !== fault)
    this.#drawn++
    return fault
  }
}

/** Strikes at once with all of them. Resolves with how long it took to heal after the last was over. */
async function strike (target: Target, crowd: Crowd, faults: readonly Fault[], random: Random): Promise<number> {
  await crowd.scatter()
  await allOf(faults.map(async (fault) => {
    await delay(500 * random())
    await fault.strike(target, random)
  }))
  return await crowd.healed(60_000)
}

/** As Promise.all, but it does not go on before the last one is over. */
async function allOf (strikes: ReadonlyArray<Promise<void>>): Promise<void> {
  const failed = (await Promise.allSettled(strikes)).find(({ status }) => status === 'rejected')
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason
}

function judge (
  crowd: Crowd, faults: readonly Fault[], healedMs: number, before: { readonly gaps: number, readonly verdict: string }
): string[] {
  const { ledger, answers } = crowd
  const name = namesOf(faults)
  // Two faults may hold each other up: one has to be over before the other can be noticed.
  const healMs = faults.reduce((sum, fault) => sum + fault.healMs, 0)
  const isIntact = faults.every(({ isLogIntact }) => isLogIntact)
  const isAnswering = faults.every(({ where }) => where !== 'replicas')
  const verdict = ledger.verdict().join()
  const problems: Array<string | false> = [
    healedMs > healMs && healedMs !== Infinity && `${name}: healed only after ${Math.round(healedMs)} ms`,
    isIntact && ledger.gaps.length > before.gaps && `${name}: gaps, though the log was intact`,
    isAnswering && answers.slowestMs > ANSWERED_MS && `${name}: a publish was answered after ${Math.round(answers.slowestMs)} ms`,
    verdict !== before.verdict && `${name}: ${verdict}; ${ledger.examples.slice(-5).join('; ')}`
  ]
  return problems.filter((problem) => problem !== false)
}

function namesOf (faults: readonly Fault[]): string {
  return faults.map(({ name }) => name).join(' + ') || 'after the last fault'
}

/** What the words of a report mean. */
export const LEGEND = `  struck       how often, in all; and the longest that it took to heal: from when what was broken is back until every
               publisher was acked, and every client has got, a message that was sent after that
  told         a gap told the client of these: Redis lost them, or they came before the place where the gap goes on
  unseen       Redis lost these before the client had got anything of what was lost: for it they were never there
  lost         none of these, and a violation; expected = delivered + told + unseen + lost
  no answer    the publisher's own replica was killed, frozen or rolled, or its connection was cut, as all are before
               each fault: it asked another one with the same key
  silence      from the last thing that a client heard on a connection until it had joined on the next
`

export function report (result: ChaosResult): string {
  const { struck, account, gaps, resumes, answers, slowestAnswerMs, silenceMs, problems } = result
  const { published, expected, delivered, told, unseen, lost } = account
  const byName = [...struck].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
  const rows = byName.map(([name, { times, slowestMs }]) =>
    `  ${String(times).padStart(4)} ×  ${name.padEnd(62)} ${String(Math.round(slowestMs)).padStart(6)} ms`)
  const row = (name: string, count: number): string => `    ${name.padEnd(11)}${String(count).padStart(10)}`
  const butUnseen = unseen === 0 ? '' : ' (but for what is unseen)'
  return [
    '  struck  fault                                                          healed at last after',
    ...rows,
    `  published ${published}, for ${expected / published || 0} clients each: ${expected} deliveries expected`,
    row('delivered', delivered),
    row('told', told),
    row('unseen', unseen),
    row('lost', lost),
    `  resumes ${resumes}, gaps ${gaps} (where the log was damaged)`,
    `  answers ${JSON.stringify(answers)}, the slowest after ${Math.round(slowestAnswerMs)} ms`,
    ...(answers['no answer'] === undefined ? [] : ['    (no answer: its replica was gone; another was asked, with the same key)']),
    `  silence of a client, p50 ${Math.round(silenceMs.p50)} ms, p99 ${Math.round(silenceMs.p99)} ms, ` +
      `at most ${Math.round(silenceMs.max)} ms`,
    problems.length === 0
      ? `  ledger clean: nothing lost in silence${butUnseen}, nothing twice, nothing out of order, no gap where the log was intact`
      : problems.map((problem) => `  NOT OK: ${problem}`).join('\n')
  ].join('\n')
}
