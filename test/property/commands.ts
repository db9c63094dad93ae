import assert from 'node:assert/strict'
import fc, { type AsyncCommand, type Arbitrary } from 'fast-check'
import type { Test } from 'tap'
import { absorb, comeToRest, join, Model, publish } from './expected.ts'
import { REPLICAS, type World } from './world.ts'

type Command = AsyncCommand<Model, World>

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
