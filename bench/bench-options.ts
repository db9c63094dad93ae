import { parseArgs } from 'node:util'
import { integer } from '../cluster/options.ts'

/** What was asked for on the command line. */
export interface Options {
  readonly only: readonly string[]
  readonly rounds: number
  readonly isQuick: boolean
  readonly out: string | undefined
  readonly write: boolean
  readonly help: boolean
}

/** @throws Error that names the option that is wrong */
export function readOptions (args: readonly string[], scenarios: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: scenarios.join(',') },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      out: { type: 'string' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false }
    }
  })
  const only = values.only.split(',').map((id) => id.trim())
  const unknown = only.find((id) => !scenarios.includes(id))
  if (unknown !== undefined) throw new Error(`--only: there is no scenario ${JSON.stringify(unknown)}`)
  return {
    only,
    rounds: integer('--rounds', values.rounds ?? (values.quick ? '2' : '5'), 1, 100),
    isQuick: values.quick,
    out: values.out,
    write: values.write,
    help: values.help
  }
}
