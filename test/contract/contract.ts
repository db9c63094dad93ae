import type { Test } from 'tap'
import type { MakeWorld, World } from '../helpers/replicas.ts'

/**
 * One clause of a contract. `check` throws where it is not kept: so it also serves to show that a broken
 * implementation is noticed (broker.negative.test.ts).
 */
export interface Clause {
  readonly name: string
  readonly options?: Parameters<MakeWorld>[0]
  readonly check: (world: World) => Promise<void>
}

/** Runs a contract against one implementation. */
export function holds (test: Test, contract: readonly Clause[], make: MakeWorld): void {
  for (const promise of contract) {
    test.test(promise.name, async () => { await keep(promise, make) })
  }
}

/** Runs one promise in a world of its own. */
export async function keep (promise: Clause, make: MakeWorld, options = promise.options): Promise<void> {
  const world = await make(options)
  try {
    await promise.check(world)
  } finally {
    await world.end()
  }
}
