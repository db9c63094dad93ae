import assert from 'node:assert/strict'
import fc, { type AsyncCommand, type Arbitrary } from 'fast-check'
import type { Test } from 'tap'
import { formatCursor } from '../../src/protocol/cursor.ts'
import type { GapReason } from '../../src/protocol/entry.ts'
import { ModelLog, type Place } from './model.ts'
import { KEEP, type RealClient, REPLICAS, type Said, type World } from './world.ts'

/** What is expected: the log, and how far each client has got. */
export class Model {
  readonly log = new ModelLog(KEEP.maxEntries)
  /** By the cursors that the real log gave them. */
  readonly places = new Map<string, Place>()
  readonly clients = [0, 1, 2].map((index) => new ModelClient(index))
}

class ModelClient {
  readonly name: string
  replica = 0
  real: RealClient | undefined
  /** The last cursor that it has got. */
  cursor: string | undefined
  /** Why a gap may come to it now. */
  readonly mayBreak = new Set<GapReason>()
  readonly got = new Set<unknown>()
  /** The cursors that it has got, oldest first. */
  readonly had: string[] = []

  constructor (index: number) {
    this.name = `client ${index}`
  }
}

type Command = AsyncCommand<Model, World>

/** Reads what has come to a client, and holds it against the promise. */
function absorb (model: Model, client: ModelClient, said: readonly Said[]): void {
  for (const frame of said) {
    if (frame.type === 'gap') {
      const reason = frame['reason'] as GapReason
      assert.ok(client.mayBreak.has(reason), `${client.name} was told of a ${reason} that never was`)
      client.cursor = String(frame['cursor'])
      client.had.push(client.cursor)
    } else {
      assert.equal(frame.type, 'message', `${client.name}: ${JSON.stringify(frame)}`)
      const before = placeOf(model, client.cursor!)
      const place = placeOf(model, String(frame['cursor']))
      assert.equal(frame['content'], place.content)
      assert.equal(frame['seq'], place.seq)
      assert.deepEqual([place.epoch, place.seq], [before.epoch, before.seq + 1], `${client.name}: out of order`)
      assert.ok(!client.got.has(place.content), `${client.name} got ${place.content} twice`)
      client.got.add(place.content)
      client.cursor = String(frame['cursor'])
      client.had.push(client.cursor)
    }
  }
}

/** Only the beginning of a log has a cursor that no publish was told: it is the present log's. */
function placeOf (model: Model, cursor: string): Place {
  let place = model.places.get(cursor)
  if (place === undefined) {
    assert.equal(cursor.split('.')[1], '0', `${cursor} was never given to a message`)
    place = model.log.beginning
    model.places.set(cursor, place)
  }
  return place
}

/** All is at rest: every client that is in the room has everything. */
async function comeToRest (model: Model, world: World): Promise<void> {
  await world.settle()
  const online = model.clients.filter(({ real }) => real !== undefined)
  // The newest message names the one before it: what was lost has been noticed.
  checkAtTop(model, online.filter(({ replica }) => world.replicas[replica]!.isInformed))
  for (const replica of world.replicas) await replica.checkQuietRooms()
  await world.settle()
  checkAtTop(model, online)
  for (const { mayBreak } of online) mayBreak.clear()
}

function checkAtTop (model: Model, clients: readonly ModelClient[]): void {
  for (const client of clients) {
    absorb(model, client, client.real!.takeSaid())
    assert.deepEqual(placeOf(model, client.cursor!), model.log.top, `${client.name} is not at the top`)
  }
}

async function publish (model: Model, world: World, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const place = model.log.publish()
    model.places.set(formatCursor(await world.append(place.content)), place)
  }
  // Who hears nothing may be left behind what the log keeps.
  const left = model.clients.filter(({ real, replica }) => real !== undefined && world.replicas[replica]!.isDeaf)
  // And whoever has not noticed yet what was done to the log.
  const misled = model.clients.filter(({ mayBreak }) => mayBreak.size > 0)
  for (const { mayBreak } of [...left, ...misled]) mayBreak.add('trimmed')
}

class Publish implements Command {
  readonly #count: number

  constructor (count: number) {
    this.#count = count
  }

  readonly check = (): boolean => true

  async run (model: Model, world: World): Promise<void> {
    await publish(model, world, this.#count)
  }

  toString (): string { return `publish(${this.#count})` }
}

class Join implements Command {
  readonly #client: number
  readonly #replica: number
  readonly #meanwhile: number

  readonly #pause: number

  /**
   * @param meanwhile so many messages are published while it joins,
   * @param pause each after so many turns of the microtask queue
   */
  constructor (client: number, replica: number, meanwhile: number, pause: number) {
    this.#client = client
    this.#replica = replica
    this.#meanwhile = meanwhile
    this.#pause = pause
  }

  check ({ clients }: Readonly<Model>): boolean {
    return clients[this.#client]!.real === undefined
  }

  /** What it gets is decided by the log as it is now, whatever its replica has heard or holds. */
  async run (model: Model, world: World): Promise<void> {
    const client = model.clients[this.#client]!
    client.replica = this.#replica
    client.real = world.replicas[this.#replica]!.connect(client.name)
    await join(model, world, client, client.cursor, async () => {
      for (let n = 0; n < this.#meanwhile; n++) {
        for (let turn = 0; turn < this.#pause; turn++) await Promise.resolve()
        await publish(model, world, 1)
      }
    })
  }

  toString (): string {
    return `join(client ${this.#client}, replica ${this.#replica}, ${this.#meanwhile} meanwhile, pause ${this.#pause})`
  }
}

/** Joins from where the client is, and holds the answer against the log as it is now. */
async function join (
  model: Model, world: World, client: ModelClient, cursor: string | undefined, meanwhile: () => Promise<void>
): Promise<void> {
  const since = cursor === undefined ? undefined : placeOf(model, cursor)
  const gaps = new Set([since && model.log.whyNot(since)])
  const firstTop = model.log.top
  const real = client.real!
  real.join(cursor)
  await meanwhile()
  gaps.add(since && model.log.whyNot(since))
  await world.settle()

  const said = real.takeSaid()
  const begin = said.findIndex(({ type }) => type === 'joined')
  // Until it was joined again it went on as before.
  absorb(model, client, said.slice(0, begin))
  const [joined, ...rest] = said.slice(begin)
  client.cursor = cursor
  // From there on, everything comes once more.
  const from = client.had.lastIndexOf(cursor ?? '')
  const again = from < 0 ? [] : client.had.splice(from + 1)
  for (const had of again) client.got.delete(placeOf(model, had).content)
  const at = placeOf(model, String(joined!['cursor']))
  assert.ok(at.seq >= firstTop.seq && at.seq <= model.log.top.seq, `joined at ${at.seq}`)
  const gap = rest[0]?.type === 'gap' ? rest.shift() : undefined
  assert.ok(gaps.has(gap?.['reason'] as GapReason | undefined), `a gap: ${gap?.['reason']}`)
  if (gap !== undefined) assert.equal(gap['cursor'], joined!['cursor'])
  const isRecovered = since !== undefined && gap === undefined
  const { seq, replay, recovered } = joined!
  assert.deepEqual({ seq, replay, recovered }, {
    seq: at.seq,
    replay: isRecovered ? at.seq - since.seq : 0,
    recovered: since === undefined ? undefined : isRecovered
  })
  if (!isRecovered) {
    client.cursor = String(joined!['cursor'])
    client.had.push(client.cursor)
  }
  client.mayBreak.clear()
  absorb(model, client, rest)
  const expected = world.replicas[client.replica]!.isInformed ? model.log.top : at
  assert.ok(placeOf(model, client.cursor!).seq >= expected.seq, `${client.name} did not get all of it`)
}

/** A client that is in the room joins again, from a place that it had before. */
class Rejoin implements Command {
  readonly #client: number
  readonly #back: number
  readonly #meanwhile: number

  constructor (client: number, back: number, meanwhile: number) {
    this.#client = client
    this.#back = back
    this.#meanwhile = meanwhile
  }

  check ({ clients }: Readonly<Model>): boolean {
    return clients[this.#client]!.real !== undefined
  }

  async run (model: Model, world: World): Promise<void> {
    const client = model.clients[this.#client]!
    await world.settle()
    absorb(model, client, client.real!.takeSaid())
    const cursor = client.had.at(-1 - this.#back) ?? client.had[0] ?? client.cursor
    await join(model, world, client, cursor, () => publish(model, world, this.#meanwhile))
  }

  toString (): string { return `rejoin(client ${this.#client}, ${this.#back} back, ${this.#meanwhile} meanwhile)` }
}

class Cut implements Command {
  readonly #client: number

  constructor (client: number) {
    this.#client = client
  }

  check ({ clients }: Readonly<Model>): boolean {
    return clients[this.#client]!.real !== undefined
  }

  /** Whatever was still on its way is lost to it. */
  async run (model: Model): Promise<void> {
    const client = model.clients[this.#client]!
    const real = client.real!
    real.cut()
    absorb(model, client, real.takeSaid())
    client.real = undefined
  }

  toString (): string { return `cut(client ${this.#client})` }
}

/** A client that leaves, and forgets where it was: it will join anew. */
class Leave implements Command {
  readonly #client: number

  constructor (client: number) {
    this.#client = client
  }

  check ({ clients }: Readonly<Model>): boolean {
    return clients[this.#client]!.real !== undefined
  }

  async run (model: Model, world: World): Promise<void> {
    const client = model.clients[this.#client]!
    client.real!.leave()
    await world.settle()
    const said = client.real!.takeSaid()
    assert.equal(said.at(-1)!.type, 'left')
    absorb(model, client, said.slice(0, -1))
    client.real!.cut()
    client.real = client.cursor = undefined
  }

  toString (): string { return `leave(client ${this.#client})` }
}

class Replica implements Command {
  readonly #replica: number
  readonly #what: 'deafen' | 'heal' | 'hear'

  constructor (replica: number, what: 'deafen' | 'heal' | 'hear') {
    this.#replica = replica
    this.#what = what
  }

  readonly check = (): boolean => true

  async run (_model: Model, world: World): Promise<void> {
    world.replicas[this.#replica]![this.#what]()
  }

  toString (): string { return `${this.#what}(replica ${this.#replica})` }
}

/** One message does not reach a replica, which knows nothing of it. */
class LoseOne implements Command {
  readonly #replica: number

  constructor (replica: number) {
    this.#replica = replica
  }

  readonly check = (): boolean => true

  async run (model: Model, world: World): Promise<void> {
    const replica = world.replicas[this.#replica]!
    replica.deafen()
    await publish(model, world, 1)
    replica.hear()
  }

  toString (): string { return `lose one(replica ${this.#replica})` }
}

/** The log is changed behind the replicas' backs, when everyone has everything. */
class Damage implements Command {
  readonly #what: 'flush' | 'fork'
  readonly #count: number

  constructor (what: 'flush' | 'fork', count: number) {
    this.#what = what
    this.#count = count
  }

  check ({ log }: Readonly<Model>): boolean {
    return log.size > 0 || this.#what === 'flush'
  }

  async run (model: Model, world: World): Promise<void> {
    await comeToRest(model, world)
    const reasons = this.#what === 'flush' ? ['epoch'] as const : ['fork', 'ahead'] as const
    for (const { mayBreak } of model.clients) for (const reason of reasons) mayBreak.add(reason)
    const count = Math.min(this.#count, model.log.size)
    model.log[this.#what](count)
    await world[this.#what](count)
    for (const replica of world.replicas) replica.mislead()
  }

  toString (): string { return `${this.#what}(${this.#count})` }
}

class Rest implements Command {
  readonly check = (): boolean => true

  async run (model: Model, world: World): Promise<void> {
    await comeToRest(model, world)
  }

  toString (): string { return 'rest' }
}

const client = fc.nat({ max: 2 })
const replica = fc.nat({ max: REPLICAS - 1 })

export const commands: Array<Arbitrary<Command>> = [
  fc.constant(new Publish(1)),
  fc.integer({ min: 1, max: 9 }).map((count) => new Publish(count)),
  fc.tuple(client, replica, fc.constantFrom(0, 0, 1, 3), fc.nat({ max: 30 })).map((how) => new Join(...how)),
  fc.tuple(client, fc.nat({ max: 8 }), fc.constantFrom(0, 0, 2)).map((how) => new Rejoin(...how)),
  client.map((of) => new Cut(of)),
  client.map((of) => new Leave(of)),
  replica.map((at) => new LoseOne(at)),
  fc.tuple(replica, fc.constantFrom('deafen', 'heal', 'hear')).map(([at, what]) => new Replica(at, what)),
  fc.constant(new Damage('flush', 0)),
  fc.integer({ min: 1, max: 4 }).map((count) => new Damage('fork', count)),
  fc.constant(new Rest())
]

/**
 * Runs so many sequences of commands, each on a fresh world. SEED, FC_PATH and REPLAY_PATH run again what a failure has
 * printed.
 */
export async function checkCommands (test: Test, runs: number, start: () => Promise<World>): Promise<void> {
  const { SEED, FC_PATH: path, REPLAY_PATH: replayPath } = process.env
  const seed = Number(SEED ?? Date.now() & 0x7fffffff)
  test.comment(`seed ${seed}, ${runs} runs`)
  const schedules = fc.commands(commands, { maxCommands: 40, size: 'max', ...(replayPath && { replayPath }) })
  const property = fc.asyncProperty(schedules, async (schedule) => { await run(schedule, start) })
  await fc.assert(property, { numRuns: runs, seed, ...(path && { path }) })
}

async function run (schedule: Iterable<Command>, start: () => Promise<World>): Promise<void> {
  const model = new Model()
  const world = await start()
  try {
    await fc.asyncModelRun(() => ({ model, real: world }), schedule)
    await comeToRest(model, world)
  } finally {
    for (const { real } of model.clients) real?.cut()
    await world.end()
  }
}
