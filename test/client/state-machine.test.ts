import fc from 'fast-check'
import t from 'tap'
import { Client } from '../../src/client/client.ts'
import type { TidegateError } from '../../src/client/errors.ts'
import type { Gap, Message } from '../../src/client/types.ts'
import { ScriptedGateway } from './scripted-gateway.ts'
import type { ScriptedLog } from './scripted-log.ts'
import { seeded } from '../../bench/random.ts'
import { VirtualTime } from './virtual-time.ts'

const RUNS = Number(process.env['RUNS'] ?? 600)
const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const ROOM = 'red'

type Step =
  | { readonly is: 'wait', readonly ms: number }
  | { readonly is: Simple }
  | { readonly is: 'goodbye', readonly ms: number }
  | { readonly is: 'fork', readonly count: number }
  | { readonly is: 'refuse', readonly how: 'unavailable' | 'unknown_outcome' | 'unknown_stored' | 'rate_limited' }
  | { readonly is: 'frame', readonly how: 'lost' | 'twice' }
  | { readonly is: 'dial', readonly how: 'refused' | 'silent' | number }
  | { readonly is: 'sleep', readonly ms: number }
  | { readonly is: 'slow', readonly ms: number }

type Simple = 'say' | 'publish' | 'quiet publish' | 'cut' | 'mute' | 'lose the log' | 'wake'
const simple = (is: Simple): fc.Arbitrary<Step> => fc.constant({ is })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ is: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3_000 }) }) },
  { weight: 3, arbitrary: fc.record({ is: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 8, arbitrary: simple('say') },
  { weight: 8, arbitrary: simple('publish') },
  { weight: 3, arbitrary: simple('quiet publish') },
  { weight: 3, arbitrary: simple('cut') },
  { weight: 2, arbitrary: simple('mute') },
  { weight: 1, arbitrary: simple('lose the log') },
  { weight: 1, arbitrary: simple('wake') },
  { weight: 3, arbitrary: fc.record({ is: fc.constant('goodbye' as const), ms: fc.integer({ min: 0, max: 2_000 }) }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('fork' as const), count: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      is: fc.constant('refuse' as const),
      how: fc.constantFrom('unavailable' as const, 'unknown_outcome' as const, 'unknown_stored' as const, 'rate_limited' as const)
    })
  },
  { weight: 2, arbitrary: fc.record({ is: fc.constant('frame' as const), how: fc.constantFrom('lost' as const, 'twice' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      is: fc.constant('dial' as const), how: fc.constantFrom('refused' as const, 'silent' as const, 1011, 4503, 4408)
    })
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('sleep' as const), ms: fc.integer({ min: 1_000, max: 400_000 }) }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('slow' as const), ms: fc.integer({ min: 1, max: 400 }) }) }
)

type Outcome = { readonly is: 'receipt', readonly seq: number } | { readonly is: 'error', readonly error: TidegateError }

/** One client, what it was told, and what became of what it published. */
class Run {
  readonly time: VirtualTime
  readonly gateway: ScriptedGateway
  readonly client: Client
  readonly told: Array<Message | Gap> = []
  readonly outcomes = new Map<number, Outcome>()
  readonly quiet = new Set<number>()
  published = 0
  said = 0
  lost = 0

  constructor (random: () => number, history: number) {
    this.time = new VirtualTime(random)
    this.gateway = new ScriptedGateway(this.time)
    this.client = new Client('ws://gateway/ws', { user: 'ann', WebSocket: this.gateway.WebSocket }, this.time)
    const room = this.client.room(ROOM, { history })
    room.on('message', (message) => this.told.push(message))
    room.on('gap', (gap) => this.told.push(gap))
  }

  async take (step: Step): Promise<void> {
    const { gateway, time } = this
    const [connection] = [...gateway.connections].slice(-1)
    switch (step.is) {
      case 'wait': return await time.run(step.ms)
      case 'say': return gateway.say(ROOM, `other ${this.said++}`)
      case 'publish': return this.publish(true)
      case 'quiet publish': return this.publish(false)
      case 'cut': return connection?.cut()
      case 'mute': { if (connection !== undefined) connection.isMuted = true; return }
      case 'goodbye': return connection?.goodbye(step.ms)
      case 'lose the log': {
        this.lost++
        gateway.log(ROOM).lose()
        return gateway.announce(ROOM, 'epoch')
      }
      case 'fork': {
        this.lost++
        gateway.log(ROOM).fork(step.count)
        return gateway.announce(ROOM, 'fork')
      }
      case 'refuse': { gateway.script.refusals.push(step.how); return }
      case 'frame': { gateway.script.frames.push(step.how); return }
      case 'dial': { gateway.script.dials.push(step.how); return }
      case 'sleep': return time.sleep(step.ms)
      case 'slow': { gateway.latencyMs = step.ms; return }
      case 'wake': return time.wake()
    }
  }

  publish (echo: boolean): void {
    const n = this.published++
    if (!echo) this.quiet.add(n)
    this.client.room(ROOM).publish(n, { echo }).then(
      ({ seq }) => this.outcomes.set(n, { is: 'receipt', seq: seq! }),
      (error: TidegateError) => this.outcomes.set(n, { is: 'error', error })
    )
  }

  /** Faults end, and everything comes to rest. */
  async settle (): Promise<void> {
    const { script } = this.gateway
    script.refusals.length = script.frames.length = script.dials.length = 0
    this.gateway.latencyMs = 5
    await this.time.run(180_000)
    this.gateway.say(ROOM, 'last')
    await this.time.run(30_000)
  }
}

function check (run: Run): void {
  const log = run.gateway.log(ROOM)
  const messages = run.told.filter((each): each is Message => 'content' in each)
  const cursors = messages.map(({ cursor }) => cursor)
  assert(new Set(cursors).size === cursors.length, 'nothing is told twice')
  // In order: what follows another is next, or a gap stands between them; what was asked not to be echoed is left out.
  const quiet = log.stored.filter(({ content }) => run.quiet.has(content as number))
  const hidden = new Set(quiet.map(({ cursor }) => cursor))
  let last: Message | undefined
  let isGap = true
  for (const each of run.told) {
    if (!('content' in each)) {
      isGap ||= !each.healed
      continue
    }
    if (last !== undefined && !isGap) assert(follows(log, last, each, hidden), `${last.cursor} ${each.cursor}: next, or a gap`)
    // What was told once is left out when a history brings it again.
    hidden.add(each.cursor!)
    const hasGap = each.gap !== undefined
    assert(last === undefined || hasGap === isGap, 'a message knows of the gap before it')
    last = each
    isGap = false
  }
  assert(messages.at(-1)?.content === 'last', 'the last message has come')
  checkPublished(run)
}

function follows (log: ScriptedLog, a: Message, b: Message, hidden: ReadonlySet<string>): boolean {
  const [epochA, epochB] = [a.cursor!.split('.')[0], b.cursor!.split('.')[0]]
  if (epochA !== epochB) return false
  for (let seq = a.seq! + 1; seq < b.seq!; seq++) {
    const isHidden = log.stored.some((entry) => entry.seq === seq && hidden.has(entry.cursor))
    if (!isHidden) return false
  }
  return b.seq! > a.seq!
}

function checkPublished (run: Run): void {
  const { stored, lost } = run.gateway.log(ROOM)
  const mine = stored.filter(({ from }) => from === 'ann')
  const live = mine.filter((entry) => !lost.has(entry)).map(({ content }) => content as number)
  for (let n = 0; n < run.published; n++) {
    const times = mine.filter(({ content }) => content === n).length
    assert(live.filter((each) => each === n).length <= 1, `publish ${n} is stored once`)
    const outcome = run.outcomes.get(n)
    assert(outcome !== undefined, `publish ${n} is settled`)
    if (outcome!.is === 'receipt') assert(times > 0, `publish ${n} is stored`)
    else {
      const { error } = outcome as { error: TidegateError }
      assert(times === 0 || error.isUnknown, `publish ${n}, ${error.reason}, is stored ${times} times`)
    }
  }
  assert(live.every((n, index) => index === 0 || n > live[index - 1]!), `in the order of their calls: ${live.join(' ')}`)
}

function assert (condition: boolean, what: string): void {
  if (!condition) throw new Error(what)
}

t.setTimeout(300_000)
t.test(`whatever happens, each message is told once, in order, and published once (seed ${SEED}, ${RUNS} runs)`, { timeout: 300_000 }, async (t) => {
  t.comment(`seed ${SEED}`)
  let reconnects = 0
  let gaps = 0
  let healed = 0
  await fc.assert(fc.asyncProperty(
    fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), fc.constantFrom(0, 5), fc.integer(),
    async (steps, history, chance) => {
      const run = new Run(seeded(chance), history)
      for (const each of steps) await run.take(each)
      await run.settle()
      run.client.close()
      reconnects += run.gateway.dialled - 1
      gaps += run.told.filter((each) => 'healed' in each && !each.healed).length
      healed += run.told.filter((each) => 'healed' in each && each.healed).length
      check(run)
    }
  ), { numRuns: RUNS, seed: SEED })
  t.comment(`${RUNS} runs, ${reconnects} reconnects, ${gaps} gaps, ${healed} holes healed`)
  t.ok(reconnects > RUNS / 4 && gaps > 0 && healed > 0, 'the faults happened')
})
