import { createHistogram, monitorEventLoopDelay, type RecordableHistogram } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from '../cluster/client.ts'
import { eventually } from '../cluster/until.ts'
import { type Random, seeded } from './random.ts'
import { type Cursors, Resumer, type Seen } from './resumer.ts'

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
  /** Of all clients together. */
  readonly delivered: number
  readonly expected: number
  readonly duplicates: number
  readonly lost: number
  readonly forked: number
  readonly gaps: readonly string[]
  readonly faults: readonly string[]
  readonly resumes: number
  /** From publish to receipt, microseconds: of messages that came live, and of those replayed after a cut. */
  readonly live: RecordableHistogram
  readonly replayed: RecordableHistogram
  /** This process's own loop stood still for so long, at the 99th percentile: over it, the rig was measured. */
  readonly loopDelayMs: number
  readonly elapsedMs: number
}

const ROOM = 'jitter'
const SETTLE_MS = 15_000
const MAX_LOOP_DELAY_MS = 200

/** Clients that are cut again and again, on several replicas, while messages are published; none may miss one. */
export async function runJitter (
  urls: readonly string[], profile: Profile, onProgress: (text: string) => void = () => {}
): Promise<Result> {
  const random = seeded(profile.seed)
  const live = createHistogram()
  const replayed = createHistogram()
  const cursors: Cursors = new Map()
  const onMessage = (content: unknown, isReplay: boolean): void => {
    const tookMs = performance.now() - (content as { sentMs: number }).sentMs
    ;(isReplay ? replayed : live).record(Math.max(1, Math.round(tookMs * 1_000)))
  }
  const clients = Array.from({ length: profile.clients }, (_, index) => {
    let turn = index
    return new Resumer(ROOM, () => urls[turn++ % urls.length]!, { onMessage }, cursors)
  })
  const publishers = urls.map((url) => new Client(`${url}?user=publisher&join=${ROOM}`))
  await Promise.all([...clients.map((client) => client.start()), ...publishers.map((client) => client.next('joined'))])
  const firstSeqs = clients.map(({ seq }) => seq!)

  const startMs = performance.now()
  const loop = monitorEventLoopDelay({ resolution: 10 })
  loop.enable()
  const cutting = cutAll(clients, profile, random)
  const published = await publishAll(publishers, profile, onProgress)
  const cuts = cutting.stop()
  loop.disable()
  // Whoever is away comes back, and gets what it missed.
  const lastSeq = Math.max(...cursors.keys(), ...firstSeqs)
  await eventually('everyone has the last message', async () => clients.every(({ seq }) => seq === lastSeq), SETTLE_MS)
    .catch(() => onProgress('not everyone has got the last message'))
  const elapsedMs = performance.now() - startMs
  for (const client of clients) client.close()
  for (const { socket } of publishers) socket.terminate()

  const seen = clients.map((client) => client.seen)
  const sum = (count: (of: Seen) => number): number => seen.reduce((total, of) => total + count(of), 0)
  return {
    profile,
    published,
    cuts,
    delivered: sum(({ messages }) => messages),
    expected: firstSeqs.reduce((total, first) => total + lastSeq - first, 0),
    duplicates: sum(({ duplicates }) => duplicates),
    lost: sum(({ lost }) => lost),
    forked: sum(({ forked }) => forked),
    gaps: seen.flatMap(({ gaps }) => gaps),
    faults: seen.flatMap(({ faults }) => faults),
    resumes: sum(({ resumes }) => resumes),
    live,
    replayed,
    loopDelayMs: loop.percentile(99) / 1e6,
    elapsedMs
  }
}

/** Each client is cut at times of its own, about one `cutEveryMs` apart. */
function cutAll (
  clients: readonly Resumer[], { cutEveryMs, offlineMs }: Profile, random: Random
): { stop: () => number } {
  let cuts = 0
  const timers = new Map<Resumer, NodeJS.Timeout>()
  const schedule = (client: Resumer, waitMs: number): void => {
    timers.set(client, setTimeout(() => {
      if (client.cut(offlineMs)) cuts++
      schedule(client, offlineMs + cutEveryMs * (0.5 + random()))
    }, waitMs))
  }
  for (const client of clients) schedule(client, cutEveryMs * random())
  return {
    stop: () => {
      for (const timer of timers.values()) clearTimeout(timer)
      return cuts
    }
  }
}

/** A steady rate, whatever the timers do; resolves with how many were acknowledged. */
async function publishAll (
  publishers: readonly Client[], { messagesPerSecond, durationMs }: Profile, onProgress: (text: string) => void
): Promise<number> {
  const startMs = performance.now()
  const acks: Array<Promise<unknown>> = []
  let reportedMs = 0
  for (;;) {
    const passedMs = Math.min(performance.now() - startMs, durationMs)
    while (acks.length < passedMs * messagesPerSecond / 1_000) {
      const publisher = publishers[acks.length % publishers.length]!
      acks.push(publisher.ask({ type: 'message', room: ROOM, content: { n: acks.length, sentMs: performance.now() } }))
    }
    for (const publisher of publishers) forget(publisher)
    if (passedMs - reportedMs >= 5_000) onProgress(`${Math.round((reportedMs = passedMs) / 1_000)} s, ${acks.length} published`)
    if (passedMs >= durationMs) break
    await delay(Math.min(5, durationMs - passedMs))
  }
  const answers = await Promise.all(acks) as Array<{ type: string }>
  return answers.filter(({ type }) => type === 'ack').length
}

/** A publisher is a member too: what it hears is kept by nobody. */
function forget (publisher: Client): void {
  publisher.texts.length = 0
  const acks = publisher.frames.filter(({ type }) => type !== 'message')
  publisher.frames.splice(0, Infinity, ...acks)
}

/** What is wrong with a result; empty where all is well. */
export function verdict (result: Result): string[] {
  const { published, expected, delivered, duplicates, lost, forked, gaps, faults, cuts, loopDelayMs } = result
  const { messagesPerSecond, durationMs } = result.profile
  const wanted = Math.floor(messagesPerSecond * durationMs / 1_000)
  const wrong: Array<string | false> = [
    published < wanted && `only ${published} of ${wanted} messages were published`,
    delivered !== expected && `${delivered} of ${expected} messages were delivered`,
    lost > 0 && `${lost} were skipped without a word`,
    duplicates > 0 && `${duplicates} came twice`,
    forked > 0 && `${forked} were not the same for all`,
    gaps.length > 0 && `${gaps.length} gaps (${[...new Set(gaps)].join(', ')})`,
    faults.length > 0 && `${faults.length} faults, such as: ${faults[0]}`,
    cuts === 0 && 'no connection was ever cut: nothing was shown',
    loopDelayMs > MAX_LOOP_DELAY_MS && `this process itself stood still for ${loopDelayMs.toFixed(0)} ms: the rig was measured`
  ]
  return wrong.filter((problem) => problem !== false)
}

export function report (result: Result): string {
  const { profile, published, cuts, resumes, delivered, expected, duplicates, gaps, live, replayed } = result
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
    `  duplicates   ${duplicates}`,
    `  gaps         ${gaps.length}`,
    '  publish to receipt, ms    p50      p95      p99      max',
    `    live              ${spread(live)}   (${live.count})`,
    `    after a cut       ${spread(replayed)}   (${replayed.count}, away for ${profile.offlineMs / 1_000} s)`
  ].join('\n')
}
