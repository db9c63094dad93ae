import { type Bench, eachRound, measure, type Measured, type Rig, type Variant } from './bench.ts'
import { searchSustained, type Shape, type Sustained } from './sustained.ts'

export interface Rates {
  /** Windows at one rate, by variant. */
  readonly steady: ReadonlyMap<string, Measured[]>
  readonly sustained: readonly Sustained[]
}

interface Plan {
  readonly id: string
  readonly variants: readonly Variant[]
  readonly shape: Shape
  /** Messages a second of the steady windows. */
  readonly rate: number
  /** Of the closed loop that a search begins with. */
  readonly inFlight: number
  /** Connects a server's clients. */
  readonly fill: (rig: Rig) => Promise<unknown>
}

/** What a steady rate costs each, and the highest rate that each sustains. */
export async function measureRates (bench: Bench, plan: Plan): Promise<Rates> {
  const { id, variants, shape, rate, inFlight, fill } = plan
  const steady = new Map<string, Measured[]>(variants.map(({ name }) => [name, []]))
  const sustained: Sustained[] = []
  await eachRound(bench, variants, async (rigs, round) => {
    for (const rig of rigs) {
      await fill(rig)
      await rig.generator.ask('quiet', { forMs: 300 })
    }
    const load = { ...shape, pace: { ratePerSecond: rate } }
    // The first is for the compiler.
    for (const rig of rigs) await measure(bench, rig, load)
    for (let window = 0; window < (bench.isQuick ? 2 : 4); window++) {
      for (const rig of rigs) steady.get(rig.name)!.push(await measure(bench, rig, load))
    }
    sustained.push(...await searchSustained(bench, rigs, shape, inFlight))
    bench.say(`${id}: round ${round + 1} of ${bench.rounds}`)
  })
  return { steady, sustained }
}
