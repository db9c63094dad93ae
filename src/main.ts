import cluster from 'node:cluster'
import { setTimeout as sleep } from 'node:timers/promises'
import closeWithGrace from 'close-with-grace'
import { type Logger, pino } from 'pino'
import { type Config, loadConfig, randomReplica } from './config.ts'
import { ConfigError } from './config-error.ts'
import { type EndSignal, onEndSignals } from './end-signals.ts'
import { createGateway } from './gateway.ts'
import { warnIfOpen } from './replica.ts'
import { type EndOrder, WORKER, Workers } from './workers.ts'

/** The process edge: environment in, signals and exit codes out. The only reader of `process`. */
// Past the drain's window the end may take so long; what hangs then is cut off, with exit code 1.
const GRACE_MS = 5_000
// A worker that hangs is to have its time before the primary's is over.
const PRIMARY_GRACE_MS = GRACE_MS + 500
const CTRL_C_DRAIN_MS = 1_000
// Who was given to a worker that leaves has so long to ask for its upgrade: it is let in, and told goodbye.
const LAST_ARRIVALS_MS = 100
const END_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

const isWorker = cluster.isWorker && process.argv[2] === WORKER

try {
  const config = loadConfig(process.env)
  if (isWorker) await runWorker(config)
  else if (config.workers > 1) runPrimary(config)
  else await runAlone(config)
} catch (error) {
  fail(describe(error))
}

async function runAlone (config: Config): Promise<void> {
  const logger = createLogger(config, { replica: config.replica })
  const gateway = await createGateway(config, logger)
  const end = endBy((drainMs) => gateway.stop(drainMs), { config, logger, skip: END_SIGNALS })
  listenToSignals(END_SIGNALS, { config, logger, end })
  const address = await gateway.start()
  if (address !== undefined) announce(address.port, config, logger)
}

/** Starts the workers, and is the one whom signals reach. */
function runPrimary (config: Config): void {
  if (cluster.isWorker) throw new ConfigError(['WORKERS: this process is a worker of another cluster, and can have none'])
  const logger = createLogger(config, { replica: 'primary' })
  const name = process.env['REPLICA']
  const workers = new Workers({
    count: config.workers,
    nameOf: (place) => name ? `${name}-${place}` : randomReplica(),
    drainMs: config.drainMs,
    endMs: config.drainMs + GRACE_MS,
    logger,
    onListening: (port) => {
      logger.info({ workers: config.workers }, `listening on ${config.host}, port ${port}`)
      warnIfOpen(config, logger)
      announce(port, config, logger)
    },
    onFailure: fail
  })
  process.on('exit', () => workers.kill())
  const ending = { config, logger, skip: END_SIGNALS, graceMs: PRIMARY_GRACE_MS }
  const end = endBy((drainMs) => workers.stop(drainMs), ending)
  // Of a terminal SIGHUP says that it has gone.
  const isInTerminal = process.stdout.isTTY
  listenToSignals(isInTerminal ? END_SIGNALS : ['SIGTERM', 'SIGINT'], { config, logger, end })
  if (!isInTerminal) process.on('SIGHUP', () => restart(workers, logger))
  workers.start()
}

/** The workers read ROOMS_FILE anew. One that is wrong by now must not cost a worker. */
function restart (workers: Workers, logger: Logger): void {
  try {
    loadConfig(process.env)
    workers.restart()
  } catch (error) {
    logger.error({ problems: describe(error) }, 'the workers are not restarted: the settings are wrong')
  }
}

/** A gateway that is told by its primary when to end: a terminal's Ctrl-C, or a service manager, may signal both. */
async function runWorker (config: Config): Promise<void> {
  const skip = [...END_SIGNALS, 'SIGQUIT'] as const
  for (const signal of skip) process.on(signal, () => {})
  const logger = createLogger(config, { replica: config.replica })
  const worker = cluster.worker!
  // Node ends a worker whose primary has gone, but with 0 and in silence.
  worker.on('disconnect', () => {
    if (worker.exitedAfterDisconnect) return
    logger.fatal('the primary has gone: ending')
    process.exit(1)
  })
  const gateway = await createGateway(config, logger)
  let doOthersServe = true
  const end = endBy(async (drainMs) => {
    if (doOthersServe) {
      // The port is left at once, or this worker would go on to get its share of those who come.
      worker.disconnect()
      await sleep(LAST_ARRIVALS_MS)
    }
    await gateway.stop(drainMs)
  }, { config, logger, skip })
  process.on('message', (order: EndOrder) => {
    doOthersServe = order.end === 'one'
    logger.info({ drainMs: order.drainMs }, 'ending')
    end(order.drainMs)
  })
  await gateway.start(true)
}

function createLogger (config: Config, base: object): Logger {
  return pino({ name: 'tidegate', level: config.logLevel, base })
}

interface Ending {
  readonly config: Config
  readonly logger: Logger
  /** The signals that somebody else listens to. */
  readonly skip: ReadonlyArray<EndSignal | 'SIGQUIT'>
  readonly graceMs?: number
}

interface Ended { readonly config: Config, readonly logger: Logger, readonly end: (drainMs: number) => void }

/** What ends this process in order: by `stop`, and with an exit code that says whether it came to its end in time. */
function endBy (
  stop: (drainMs: number) => Promise<void>, { config, logger, skip, graceMs = GRACE_MS }: Ending
): (drainMs: number) => void {
  let drainMs = Math.min(CTRL_C_DRAIN_MS, config.drainMs)
  const delay = config.drainMs + graceMs
  const ending = closeWithGrace({ delay, logger: false, skip: [...skip] }, async ({ err }) => {
    if (err !== undefined) logger.fatal({ err }, 'uncaught error: ending')
    await stop(drainMs)
  })
  return (ms) => {
    drainMs = ms
    ending.close()
  }
}

function listenToSignals (signals: readonly EndSignal[], { config, logger, end }: Ended): void {
  onEndSignals(process, {
    signals,
    isUnderNpm: process.env['npm_lifecycle_event'] !== undefined,
    begin: (signal) => {
      const drainMs = signal === 'SIGTERM' ? config.drainMs : Math.min(CTRL_C_DRAIN_MS, config.drainMs)
      logger.info({ signal, drainMs }, 'ending')
      end(drainMs)
    },
    endNow: () => process.exit(1)
  })
}

function announce (port: number, config: Config, logger: Logger): void {
  const broker = config.redis === undefined ? 'memory' : 'redis'
  const site = `http://localhost:${port}`
  logger.info({ broker, port }, `pages: chat ${site}/chat, dashboard ${site}/dashboard`)
  if (process.stdout.isTTY) {
    const warning = config.tokens === undefined ? '\n  It is OPEN: whoever reaches it may do everything (docs/auth.md).\n' : ''
    process.stdout.write(`\nTidegate is up.\n  chat       ${site}/chat\n  dashboard  ${site}/dashboard\n${warning}\n`)
  }
}

/** A worker's problems are its primary's to tell. */
function fail (problems: readonly string[]): void {
  if (isWorker) {
    process.send!({ problems }, () => process.exit(1))
    return
  }
  for (const line of problems) process.stderr.write(`tidegate: ${line}\n`)
  process.exit(1)
}

/** What a person who starts a gateway has to mend, a line each; a defect of ours with its stack. */
function describe (error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.problems
  const { code, message, stack, address, port } = error as NodeJS.ErrnoException & { address?: string, port?: number }
  if (code === 'EADDRINUSE') return [`PORT: ${port} is taken`]
  if (code === 'EACCES') return [`PORT: ${port} may not be used by this user`]
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return [`HOST: ${address ?? message} is no address of this machine`]
  return [stack ?? message]
}
