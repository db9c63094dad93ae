import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { eventually } from '../../cluster/until.ts'
import { type Client, connect, type Gap, type TidegateError } from '../../src/client/index.ts'
import { startCluster } from '../helpers/cluster.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'

const DRAIN_MS = 2_000
const CALM = 20
const SHAKEN = 12
const EVERY_MS = 200
const FAULT_EVERY_MS = 700

interface Said { readonly by: string, readonly n: number }

/** One SDK client in the room: what it was told, and what became of what it said. */
class Speaker {
  readonly name: string
  readonly client: Client
  readonly heard: string[] = []
  readonly gaps: Gap[] = []
  readonly failed: TidegateError[] = []
  said = 0
  longestMs = 0
  connections = 0
  isStopped = false
  #lastMs: number | undefined

  constructor (name: string, url: string) {
    this.name = name
    this.client = connect(url, { user: name, WebSocket, timeoutMs: 2_000, retry: { firstMs: 200, longestMs: 2_000 } })
    this.client.on('welcome', () => { this.connections++ })
    const room = this.client.room<Said>('yard')
    room.on('gap', (gap) => this.gaps.push(gap))
    room.on('message', ({ content: { by, n } }) => {
      const nowMs = performance.now()
      if (!this.isStopped) this.longestMs = Math.max(this.longestMs, nowMs - (this.#lastMs ?? nowMs))
      this.#lastMs = nowMs
      this.heard.push(`${by} ${n}`)
    })
  }

  /** Says something now and then, and waits for no answer before the next. */
  async speak (afterMs: number): Promise<void> {
    // Not all at once: a silence of the room is none of the network.
    await delay(afterMs)
    const room = this.client.room<Said>('yard')
    const under: Array<Promise<void>> = []
    while (!this.isStopped) {
      const failed = (error: TidegateError): void => { this.failed.push(error) }
      under.push(room.publish({ by: this.name, n: this.said++ }).then(() => {}, failed))
      await delay(EVERY_MS)
    }
    await Promise.all(under)
  }
}

function start (t: Test, count: number, kind: string, url: string): Speaker[] {
  const speakers = Array.from({ length: count }, (_, n) => new Speaker(`${kind}-${n}`, url))
  t.teardown(() => speakers.forEach(({ client }) => client.close()))
  return speakers
}

/** Cuts, mutes and delays, one after the other, until it is told to stop. */
async function shake (proxy: TcpProxy, isOver: () => boolean): Promise<number> {
  let faults = 0
  while (!isOver()) {
    const fault = faults++ % 4
    if (fault === 0) proxy.cut()
    else if (fault === 1) proxy.delayMs = 60
    else if (fault === 2) proxy.mute()
    else proxy.delayMs = 0
    await delay(FAULT_EVERY_MS)
  }
  proxy.delayMs = 0
  proxy.cut()
  return faults
}

function percentile (values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!
}

t.setTimeout(120_000)
t.test('three replicas are restarted under load, and a proxy cuts, mutes and delays: nothing is lost or repeated', { timeout: 120_000 }, async (t) => {
  const { cluster } = await startCluster(t, {
    DRAIN_MS: String(DRAIN_MS), LOG_ENTRIES: '5000'
  })
  const proxy = await TcpProxy.start(t, cluster.nginx.port)
  const calm = start(t, CALM, 'calm', cluster.ws)
  const shaken = start(t, SHAKEN, 'shaken', `ws://127.0.0.1:${proxy.port}/ws`)
  const all = [...calm, ...shaken]
  await eventually('everyone is in the room', async () => all.every(({ client }) => client.room('yard').isJoined))

  const talking = Promise.all(all.map((speaker, n) => speaker.speak(n * EVERY_MS / all.length)))
  let isOver = false
  const shaking = shake(proxy, () => isOver)
  for (const replica of cluster.replicas) {
    t.strictSame(await replica.stop('SIGTERM'), { code: 0, signal: null })
    await replica.start()
  }
  isOver = true
  const faults = await shaking
  for (const speaker of all) speaker.isStopped = true
  await talking
  const said = all.reduce((sum, speaker) => sum + speaker.said, 0)
  await eventually('everyone has heard all', async () => all.every(({ heard }) => new Set(heard).size >= said))

  const [first] = all
  t.strictSame(all.flatMap(({ failed }) => failed.map(({ reason }) => reason)), [], `all ${said} publishes were acknowledged`)
  t.equal(first!.heard.length, said, 'each is published once')
  const different = all.filter(({ heard }) => heard.join() !== first!.heard.join())
  t.strictSame(different.map(({ name }) => name), [], 'everyone has heard each once, in the same order')
  t.strictSame(all.flatMap(({ gaps }) => gaps.filter(({ healed }) => !healed)), [], 'without a gap')
  for (const { name } of all) {
    const own = first!.heard.filter((text) => text.startsWith(`${name} `)).map((text) => Number(text.split(' ')[1]))
    if (own.some((n, index) => n !== index)) t.fail(`${name}: in the order of its calls, ${own.join(' ')}`)
  }
  const moved = calm.reduce((sum, { connections }) => sum + connections - 1, 0)
  const back = shaken.reduce((sum, { connections }) => sum + connections - 1, 0)
  const silences = calm.map(({ longestMs }) => longestMs)
  t.ok(moved >= CALM, 'who was on a replica that went has moved')
  t.comment(`${said} messages, ${all.length} clients, ${faults} faults: ${moved} hand-overs, ${back} reconnects; 0 lost, 0 repeated, 0 published twice`)
  t.comment(`longest silence with hand-over: p99 ${percentile(silences, 0.99).toFixed(0)} ms, median ${percentile(silences, 0.5).toFixed(0)} ms; ` +
    `through the proxy: ${Math.max(...shaken.map(({ longestMs }) => longestMs)).toFixed(0)} ms`)
  t.ok(percentile(silences, 0.99) < 1_000, 'and hardly noticed by who obeys goodbye')
})
