#!/usr/bin/env node
import cluster from 'node:cluster'
import { constants } from 'node:os'
import { WORKER } from '../workers.ts'
import type { Io } from './io.ts'
import { run } from './run.ts'

/** The process edge of the command line: its only reader of `process`. `../main.ts` is the gateway's. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

process.setSourceMapsEnabled(true)
// A worker of `serve --workers n`: its primary started this file anew.
if (cluster.isWorker && process.argv[2] === WORKER) await import('../main.ts')
else await command()

async function command (): Promise<void> {
  const ending = new AbortController()
  const onSignal = (signal: NodeJS.Signals): void => {
    const code = 128 + constants.signals[signal]
    // The second one means now.
    if (ending.signal.aborted) process.exit(code)
    ending.abort(code)
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  process.stdout.on('error', onOutputError)
  process.stderr.on('error', onOutputError)
  let isGateway = false
  const io: Io = {
    args: process.argv.slice(2),
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    signal: ending.signal,
    nodeVersion: process.version,
    runGateway: async (settings) => {
      for (const signal of SIGNALS) process.off(signal, onSignal)
      process.stdout.off('error', onOutputError)
      process.stderr.off('error', onOutputError)
      Object.assign(process.env, settings)
      isGateway = true
      // It is a process edge, too: to import it is to run it.
      await import('../main.ts')
    }
  }
  const code = await run(io)
  if (isGateway) return
  process.exitCode = code
  // Whatever is still open, such as a terminal that is read from, must not keep the process.
  process.stdout.write('', () => process.exit(code))
}

/** Whoever read the output has gone: the end, as SIGPIPE would be it. */
function onOutputError (error: NodeJS.ErrnoException): void {
  process.exit(error.code === 'EPIPE' ? 128 + constants.signals.SIGPIPE : 1)
}
