import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { integer } from '../cluster/options.ts'

/** What can be asked for on the command line, with its defaults. */
export const DEFAULTS = {
  only: undefined, rounds: undefined, quick: false, out: undefined, with: undefined, write: false
} as const

export interface Given {
  readonly only: string | undefined
  readonly rounds: string | undefined
  readonly quick: boolean
  readonly out: string | undefined
  readonly with: string | undefined
  readonly write: boolean
}

/** What was asked for on the command line. */
export interface Options {
  readonly only: readonly string[]
  readonly rounds: number
  readonly isQuick: boolean
  readonly out: string | undefined
  /** What `--out` wrote before. */
  readonly earlier: string | undefined
  readonly write: boolean
}

/** @throws Error that names the option that is wrong */
export function readOptions (
  { only, rounds, quick, out, with: earlier, write }: Given, scenarios: readonly string[]
): Options {
  const wanted = only === undefined ? scenarios : only.split(',').map((id) => id.trim())
  const unknown = wanted.find((id) => !scenarios.includes(id))
  if (unknown !== undefined) throw new Error(`--only: must be of ${scenarios.join(', ')}, not ${JSON.stringify(unknown)}`)
  // It is written when all has been measured: too late to learn that it cannot be.
  if (out !== undefined && !existsSync(dirname(out))) throw new Error(`--out: there is no folder ${dirname(out)}`)
  if (earlier !== undefined && !existsSync(earlier)) throw new Error(`--with: there is no file ${earlier}`)
  const count = integer('--rounds', rounds ?? (quick ? '2' : '5'), 1, 100)
  return { only: wanted, rounds: count, isQuick: quick, out, earlier, write }
}
