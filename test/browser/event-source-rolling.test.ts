import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { Crowd } from '../../bench/crowd.ts'
import type { Content, Ledger } from '../../bench/ledger.ts'
import type { Frame } from '../../cluster/client.ts'
import { eventually } from '../../cluster/until.ts'
import { startCluster } from '../helpers/cluster.ts'
import { follow, listen, type Told } from '../helpers/event-source.ts'

t.setTimeout(180_000)

const LOG_ENTRIES = 5_000
const DRAIN_MS = 1_000
const SETTINGS = {
  RATE_PUBLISHES: '0', RATE_REQUESTS: '0', RATE_HTTP: '0', LOG_ENTRIES: String(LOG_ENTRIES), DRAIN_MS: String(DRAIN_MS)
}
// A browser has six connections to one host at most, and each of these pages is a browser to itself.
const PAGES = 5
const STREAMS = 4
const PATIENCE_MS = 40_000

/** A browser's EventSource that follows a room of messages, and the car. The ledger is told what came. */
class Follower {
  readonly name: string
  readonly problems: string[] = []
  readonly replicas = new Set<string>()
  position = NaN
  seq = -1
  reconnects = 0
  isJoined = false
  readonly #ledger: Ledger
  #carSeq = -1
  #isOnline = false

  constructor (name: string, ledger: Ledger) {
    this.name = name
    this.#ledger = ledger
  }

  take ({ data, state }: Told): void {
    if (data !== undefined) return this.#frame(JSON.parse(data) as Frame)
    this.reconnects++
    if (this.#isOnline) this.#ledger.left(this.name)
    this.#isOnline = false
    if (state === 2) this.problems.push('the browser gave it up')
  }

  #frame (frame: Frame): void {
    const { type, room, seq = NaN, cursor = '' } = frame
    if (type === 'welcome') this.replicas.add(String(frame['replica']))
    if (type === 'error' || (type === 'gap' && room !== 'yard')) this.problems.push(JSON.stringify(frame))
    if (type === 'position') this.#car(frame)
    if (room !== 'yard') return
    if (type === 'gap') this.#ledger.gap(this.name, String(frame.reason), { seq, cursor })
    if (type === 'joined') {
      this.#isOnline = this.isJoined = true
      this.#ledger.joined(this.name, frame as Frame & { seq: number, cursor: string, replay: number })
    }
    if (type === 'message') {
      this.#ledger.message(this.name, { seq, cursor }, frame.content as Content)
      this.seq = seq
    }
  }

  #car ({ seq = NaN, position = NaN }: Frame): void {
    if (seq <= this.#carSeq) this.problems.push(`the car's ${seq} came after ${this.#carSeq}`)
    this.#carSeq = seq
    this.position = position
  }
}

t.test('EventSource follows a room and the car while all replicas are rolled, and one is killed: nothing lost or twice', async (t) => {
  const { cluster } = await startCluster(t, SETTINGS)
  const crowd = new Crowd([cluster.ws], { room: 'yard', clients: 0, publishers: 2, messagesPerSecond: 60, logEntries: LOG_ENTRIES })
  const followers = new Map(Array.from({ length: PAGES * STREAMS }, (_, n) => [`s${n}`, new Follower(`s${n}`, crowd.ledger)]))
  const all = [...followers.values()]
  await Promise.all(Array.from({ length: PAGES }, async (_, n) => {
    const page = await listen(t, cluster.http, (told) => followers.get(told.source)!.take(told))
    for (let m = 0; m < STREAMS; m++) await follow(page, `s${n * STREAMS + m}`, 'room=yard&room=position')
  }))
  await eventually('all have joined', async () => all.every(({ isJoined }) => isJoined))
  await crowd.join()
  crowd.resume()
  const car = drive(cluster.http)

  const startMs = performance.now()
  for (const replica of cluster.replicas) {
    t.strictSame(await replica.stop('SIGTERM'), { code: 0, signal: null })
    await replica.start()
  }
  const [killed] = cluster.replicas
  await killed!.stop('SIGKILL')
  await killed!.start()
  await delay(1_000)

  const moves = await car.stop()
  await Promise.all(crowd.publishers.map((publisher) => publisher.stop()))
  const top = Math.max(...crowd.publishers.map(({ acked }) => acked!.seq))
  // All of them are one browser, which may have to wait for a machine that is busy.
  await eventually('all are at the top', async () => all.every(({ seq }) => seq === top), PATIENCE_MS).catch(() => {})
  await crowd.rest(cluster.redis!.url, 'tg:')
  const { position } = await (await fetch(`${cluster.http}/position`)).json() as { position: number }
  await eventually('the car stands still', async () => all.every((follower) => follower.position === position), PATIENCE_MS).catch(() => {})
  crowd.close()

  const { published, expected, delivered, told, unseen, lost } = crowd.ledger.account
  const reconnects = all.reduce((sum, { reconnects }) => sum + reconnects, 0)
  t.comment(`${all.length} EventSources, ${Math.round((performance.now() - startMs) / 1_000)} s: ${published} messages, ` +
    `${expected} deliveries expected, ${delivered} made, ${told} in gaps, ${unseen} unseen, ${lost} lost; ` +
    `${reconnects} reconnects, ${moves} moves`)
  t.strictSame([...crowd.ledger.verdict(), ...crowd.ledger.examples], [], 'each message once, in order, and no gap')
  t.ok(published > 50)
  t.equal(delivered, expected)
  t.ok(moves > 20)
  for (const { name, problems, replicas, reconnects, position: seen } of all) {
    t.strictSame(problems, [], name)
    t.equal(seen, position, `${name} is where the car is`)
    t.ok(replicas.size > 1 && reconnects > 0, `${name} was on ${replicas.size} replicas`)
  }
})

/** Moves the car until it is told to stop, and tells how often. */
function drive (http: string): { stop (): Promise<number> } {
  const stopping = new AbortController()
  const driving = (async () => {
    let moves = 0
    while (!stopping.signal.aborted) {
      const answer = await fetch(`${http}/position`, {
        method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"delta":1}'
      }).catch(() => undefined)
      if (answer?.ok === true) moves++
      await delay(25)
    }
    return moves
  })()
  return {
    stop: async () => {
      stopping.abort()
      return await driving
    }
  }
}
