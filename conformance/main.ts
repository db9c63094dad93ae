import { pick, sectionsFor } from './cases/all.ts'
import { HELP, readOptions, type Options } from './options.ts'
import { nameOf, probe } from './probe.ts'
import { describe, report } from './report.ts'
import { runCases } from './run.ts'

/** `npm run conformance -- URL`: whether a server keeps the WebSocket protocol. */
try {
  const options = readOptions(process.argv.slice(2))
  if (options.isHelp) process.stdout.write(HELP)
  else process.exitCode = await run(options)
} catch (error) {
  process.stderr.write(`conformance: ${(error as Error).message} (see --help)\n`)
  process.exitCode = 2
}

/** @returns the exit code */
async function run ({ url, token, only, isEcho, isVerbose }: Options): Promise<number> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const target = await probe({ url, headers }, isEcho)
  const sections = pick(sectionsFor(target), only)
  if (sections.length === 0) throw new Error(`--only: there is no case ${only.join(', ')}${isEcho ? ' with --echo' : ''}`)
  process.stdout.write(`${nameOf(url)}\n\n`)
  let resets = 0
  const verdicts = await runCases(sections.flatMap(({ cases }) => cases), target, {
    onReset: () => { resets++ },
    onVerdict: (verdict) => { if (isVerbose) process.stdout.write(`${describe(verdict)}\n`) }
  })
  process.stdout.write(`${isVerbose ? '\n' : ''}${report(sections, verdicts)}\n`)
  if (resets > 0) process.stdout.write(`\nTried again after a reset: ${resets}\n`)
  return verdicts.every(({ fault }) => fault === undefined) ? 0 : 1
}
