import type { Bench } from './bench.ts'
import { runFanOut } from './fan-out.ts'
import type { Result } from './result.ts'
import { runRooms } from './rooms.ts'

export interface Scenario { readonly what: string, readonly run: (bench: Bench) => Promise<Result> }

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  a: { what: 'fan-out, one room of 1,000', run: runFanOut },
  b: { what: '200 rooms of 10, every member publishing', run: runRooms }
}
