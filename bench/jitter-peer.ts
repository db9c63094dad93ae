import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Child } from '../cluster/child.ts'
import { freePort } from '../cluster/ports.ts'
import { cutAll, type Profile, PROGRESS_MS } from './jitter.ts'
import { seeded } from './random.ts'

const FOLDER = fileURLToPath(new URL('../../bench/peers/socket-io/', import.meta.url))
const ROOM = 'jitter'
const SETTLE_MS = 5_000

interface Connection {
  readonly joined: Promise<void>
  publish (content: Content): Promise<void>
  cut (): void
}
interface Content { readonly n: number, readonly sentMs: number }
type Connect = (url: string, room: string, onMessage: (content: Content) => void) => Connection

interface PeerResult {
  readonly profile: Profile
  readonly published: number
  readonly cuts: number
  readonly delivered: number
  readonly expected: number
  readonly duplicates: number
  readonly live: RecordableHistogram
}

/** Its packages, which are no dependency of ours. */
export function installPeer (): void {
  if (existsSync(`${FOLDER}node_modules`)) return
  process.stderr.write('installing Socket.IO beside the bench (once)\n')
  const { status, signal } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'], {
    cwd: FOLDER, stdio: ['ignore', 2, 2]
  })
  // Ctrl-C in a terminal ends npm, too.
  if (signal === 'SIGINT') process.exit(130)
  if (status !== 0) throw new Error('Socket.IO could not be installed; --alone runs without it')
}

/** The same profile on Socket.IO with its Redis adapter: each client comes back to the next server, and joins anew. */
export async function runPeerJitter (
  redisUrl: string, servers: number, profile: Profile, onProgress: (text: string) => void = () => {}
): Promise<PeerResult> {
  const { connect } = await import(`${FOLDER}client.mjs`) as { connect: Connect }
  const processes = await Promise.all(Array.from({ length: servers }, async () => {
    const port = await freePort()
    const child = await Child.spawn(process.execPath, [`${FOLDER}server.mjs`], {
      env: { ...process.env, PORT: String(port), REDIS_URL: redisUrl }
    })
    await child.says(/listening/)
    return { child, url: `http://127.0.0.1:${port}` }
  }))
  const urls = processes.map(({ url }) => url)
  const live = createHistogram()
  const members = Array.from({ length: profile.clients }, (_, index) => new Member(connect, urls, index, live))
  await Promise.all(members.map((member) => member.connect()))
  const publishers = urls.map((url) => connect(url, ROOM, () => {}))
  await Promise.all(publishers.map(({ joined }) => joined))

  const startMs = performance.now()
  const cutting = cutAll(members, profile, seeded(profile.seed))
  let published = 0
  const progress = setInterval(() => {
    onProgress(`${Math.round((performance.now() - startMs) / 1_000)} s, ${published} published`)
  }, PROGRESS_MS)
  while (performance.now() - startMs < profile.durationMs) {
    const due = Math.min(profile.durationMs, performance.now() - startMs) * profile.messagesPerSecond / 1_000
    for (; published < due; published++) {
      void publishers[published % publishers.length]!.publish({ n: published, sentMs: performance.now() })
    }
    await delay(2)
  }
  const cuts = cutting.stop()
  clearInterval(progress)
  await delay(SETTLE_MS)
  for (const member of members) member.close()
  for (const publisher of publishers) publisher.cut()
  await Promise.all(processes.map(({ child }) => child.end('SIGKILL')))
  return {
    profile,
    published,
    cuts,
    delivered: members.reduce((sum, { seen }) => sum + seen.size, 0),
    expected: published * members.length,
    duplicates: members.reduce((sum, { duplicates }) => sum + duplicates, 0),
    live
  }
}

class Member {
  readonly seen = new Set<number>()
  duplicates = 0
  readonly #connect: Connect
  readonly #urls: readonly string[]
  readonly #live: RecordableHistogram
  #turn: number
  #connection: Connection | undefined
  #isJoined = false
  #timer: NodeJS.Timeout | undefined

  constructor (connect: Connect, urls: readonly string[], turn: number, live: RecordableHistogram) {
    this.#connect = connect
    this.#urls = urls
    this.#turn = turn
    this.#live = live
  }

  async connect (): Promise<void> {
    const url = this.#urls[this.#turn++ % this.#urls.length]!
    const connection = this.#connect(url, ROOM, (content) => this.#take(content))
    this.#connection = connection
    await connection.joined
    this.#isJoined = this.#connection === connection
  }

  cut (offlineMs: number): boolean {
    if (!this.#isJoined) return false
    this.#isJoined = false
    this.#connection?.cut()
    this.#timer = setTimeout(() => { void this.connect() }, offlineMs)
    return true
  }

  close (): void {
    clearTimeout(this.#timer)
    this.#connection?.cut()
  }

  #take ({ n, sentMs }: Content): void {
    if (this.seen.has(n)) this.duplicates++
    this.seen.add(n)
    this.#live.record(Math.max(1, Math.round((performance.now() - sentMs) * 1_000)))
  }
}

export function reportPeer ({ published, cuts, delivered, expected, duplicates, live }: PeerResult): string {
  const spread = [50, 95, 99, 100].map((percentile) => (live.percentile(percentile) / 1_000).toFixed(1).padStart(9)).join('')
  return [
    'Socket.IO 4.8.4 with @socket.io/redis-adapter 8.3.0, the same',
    '  (it does not support connection state recovery; the Streams adapter does, and was not measured)',
    `  published    ${published}`,
    `  cuts         ${cuts}`,
    `  delivered    ${(100 * delivered / expected).toFixed(4)} % (${delivered} of ${expected}); what is missing was lost without a word`,
    `  duplicates   ${duplicates}`,
    '  publish to receipt, ms    p50      p95      p99      max',
    `    live              ${spread}   (${live.count})`
  ].join('\n')
}
