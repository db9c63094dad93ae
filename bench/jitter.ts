import { createHistogram, monitorEventLoopDelay, type RecordableHistogram } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { Crowd } from './crowd.ts'
import { type Random, seeded } from './random.ts'

/** How rough the network is, and for how long. */
export interface Profile {
  readonly clients: number
  readonly messagesPerSecond: number
  readonly durationMs: number
  /** Each connection is cut about once in so long, */
  readonly cutEveryMs: number
  /** and is away for so long. */
  readonly offlineMs: number
  readonly seed: number
}

export interface Result {
  readonly profile: Profile
  readonly published: number
  readonly cuts: number
  readonly resumes: number
  /** Of all clients together. */
  readonly delivered: number
  readonly expected: number
  readonly gaps: readonly string[]
  /** What the ledger found, and examples. */
  readonly violations: readonly string[]
  readonly examples: readonly string[]
  /** From publish to receipt, microseconds: of messages that came live, and of those replayed after a cut. */
  readonly live: RecordableHistogram
  readonly replayed: RecordableHistogram
  /** This process's own loop stood still for so long, at the 99th percentile: over it, the rig was measured. */
  readonly loopDelayMs: number
}

export const PROGRESS_MS = 5_000
const MAX_LOOP_DELAY_MS = 200

/**
 * Clients that are cut again and again, on several replicas, while messages are published; none may miss one.
 * @param onStart given what can be said before the end
 */
export async function runJitter (
  urls: readonly string[], redis: { readonly url: string, readonly prefix: string }, profile: Profile,
  onProgress: (text: string) => void = () => {}, onStart: (soFar: () => string) => void = () => {}
): Promise<Result> {
  const live = createHistogram()
  const replayed = createHistogram()
  const crowd = new Crowd(urls, {
    // Of its own: what publishers call their messages is known there from another run.
    room: `jitter-${profile.seed}`,
    clients: profile.clients,
    publishers: urls.length,
    logEntries: 500,
    messagesPerSecond: profile.messagesPerSecond,
    onMessage: ({ sentMs }, isReplay) => {
      const tookUs = (performance.now() - sentMs) * 1_000
      ;(isReplay ? replayed : live).record(Math.max(1, Math.round(tookUs)))
    }
  })
  await crowd.join()
  const firstSeqs = crowd.clients.map(({ seq }) => seq)

  const startMs = performance.now()
  const loop = monitorEventLoopDelay({ resolution: 10 })
  loop.enable()
  crowd.resume()
  const cutting = cutAll(crowd.clients, profile, seeded(profile.seed))
  onStart(() => `interrupted after ${cutting.count()} cuts; until then: published ${crowd.published}, ` +
    `delivered ${crowd.ledger.messages}, gaps ${crowd.ledger.gaps.length}, ` +
    `ledger ${crowd.ledger.verdict().join(', ') || 'clean'}`)
  for (let passedMs = 0; passedMs < profile.durationMs; passedMs = performance.now() - startMs) {
    await delay(Math.min(PROGRESS_MS, profile.durationMs - passedMs))
    onProgress(`${Math.round((performance.now() - startMs) / 1_000)} s, ${crowd.published} published`)
  }
  const cuts = cutting.stop()
  loop.disable()
  // Whoever is away comes back, and gets what it missed.
  const { seq: lastSeq } = await crowd.rest(redis.url, redis.prefix)
  crowd.close()
  return {
    profile,
    published: crowd.published,
    cuts,
    resumes: crowd.clients.reduce((sum, { resumes }) => sum + resumes, 0),
    delivered: crowd.ledger.messages,
    expected: firstSeqs.reduce((total, first) => total + lastSeq - first, 0),
    gaps: crowd.ledger.gaps,
    violations: crowd.ledger.verdict(),
    examples: [...crowd.ledger.examples, ...crowd.errors],
    live,
    replayed,
    loopDelayMs: loop.percentile(99) / 1e6
  }
}

/** A client that can be cut off for a while. */
interface Cuttable { cut (offlineMs: number): boolean }

/** Each client is cut at times of its own, about one `cutEveryMs` apart. */
export function cutAll (
  clients: readonly Cuttable[], { cutEveryMs, offlineMs }: Profile, random: Random
): { count: () => number, stop: () => number } {
  let cuts = 0
  const timers = new Map<Cuttable, NodeJS.Timeout>()
  const schedule = (client: Cuttable, waitMs: number): void => {
    timers.set(client, setTimeout(() => {
      if (client.cut(offlineMs)) cuts++
      schedule(client, offlineMs + cutEveryMs * (0.5 + random()))
    }, waitMs))
  }
  for (const client of clients) schedule(client, cutEveryMs * random())
  return {
    count: () => cuts,
    stop: () => {
      for (const timer of timers.values()) clearTimeout(timer)
      return cuts
    }
  }
}

/** What is wrong with a result; empty where all is well. */
export function verdict (result: Result): string[] {
  const { published, expected, delivered, violations, examples, cuts, loopDelayMs, gaps } = result
  const { messagesPerSecond, durationMs } = result.profile
  // A publisher waits for each answer; what it could not do in time is the rig's fault, or the gateway's.
  const wanted = Math.floor(0.95 * messagesPerSecond * durationMs / 1_000)
  const wrong: Array<string | false> = [
    published < wanted && `only ${published} of ${wanted} messages were published`,
    delivered !== expected && `${delivered} of ${expected} messages were delivered`,
    gaps.length > 0 && `${gaps.length} gaps`,
    violations.length > 0 && `${violations.join(', ')}; such as ${examples[0]}`,
    cuts === 0 && 'no connection was ever cut: nothing was shown',
    loopDelayMs > MAX_LOOP_DELAY_MS && `this process itself stood still for ${loopDelayMs.toFixed(0)} ms: the rig was measured`
  ]
  return wrong.filter((problem) => problem !== false)
}

export function report (result: Result): string {
  const { profile, published, cuts, resumes, delivered, expected, violations, gaps, live, replayed } = result
  const ms = (histogram: RecordableHistogram, percentile: number): string =>
    histogram.count === 0 ? '-' : (histogram.percentile(percentile) / 1_000).toFixed(1)
  const spread = (histogram: RecordableHistogram): string =>
    [50, 95, 99, 100].map((percentile) => ms(histogram, percentile).padStart(9)).join('')
  return [
    `${profile.clients} clients, ${profile.messagesPerSecond} messages a second for ${profile.durationMs / 1_000} s, each cut ` +
      `about every ${profile.cutEveryMs / 1_000} s for ${profile.offlineMs / 1_000} s (seed ${profile.seed})`,
    `  published    ${published}`,
    `  cuts         ${cuts}, resumes ${resumes}`,
    `  delivered    ${(100 * delivered / expected).toFixed(4)} % (${delivered} of ${expected})`,
    `  gaps         ${gaps.length}`,
    `  ledger       ${violations.join(', ') || 'clean: nothing lost, twice, out of order, or not the same for all'}`,
    '  publish to receipt, ms    p50      p95      p99      max',
    `    live              ${spread(live)}   (${live.count})`,
    `    after a cut       ${spread(replayed)}   (${replayed.count}, away for ${profile.offlineMs / 1_000} s)`
  ].join('\n')
}
