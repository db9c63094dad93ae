import closeWithGrace from 'close-with-grace'
import { type Logger, pino } from 'pino'
import { type Config, loadConfig } from './config.ts'
import { ConfigError } from './config-error.ts'
import { onEndSignals } from './end-signals.ts'
import { createGateway } from './gateway.ts'

/** The process edge: environment in, signals and exit codes out. The only reader of `process`. */
// Past the drain's window the end may take so long; what hangs then is cut off, with exit code 1.
const GRACE_MS = 5_000
const CTRL_C_DRAIN_MS = 1_000

try {
  const config = loadConfig(process.env)
  const logger = pino({ name: 'tidegate', level: config.logLevel, base: { replica: config.replica } })
  const gateway = await createGateway(config, logger)
  let drainMs = Math.min(CTRL_C_DRAIN_MS, config.drainMs)
  const delay = config.drainMs + GRACE_MS
  const ending = closeWithGrace({ delay, logger: false, skip: ['SIGTERM', 'SIGINT'] }, async ({ err }) => {
    if (err !== undefined) logger.fatal({ err }, 'uncaught error: ending')
    await gateway.stop(drainMs)
  })
  onEndSignals(process, {
    signals: ['SIGTERM', 'SIGINT'],
    isUnderNpm: process.env['npm_lifecycle_event'] !== undefined,
    begin: (signal) => {
      if (signal === 'SIGTERM') drainMs = config.drainMs
      logger.info({ signal, drainMs }, 'ending')
      ending.close()
    },
    endNow: () => process.exit(1)
  })
  const address = await gateway.start()
  if (address !== undefined) announce(address.port, config, logger)
} catch (error) {
  for (const line of describe(error)) process.stderr.write(`tidegate: ${line}\n`)
  process.exit(1)
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

/** What a person who starts a gateway has to mend, a line each; a defect of ours with its stack. */
function describe (error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.problems
  const { code, message, stack, address, port } = error as NodeJS.ErrnoException & { address?: string, port?: number }
  if (code === 'EADDRINUSE') return [`PORT: ${port} is taken`]
  if (code === 'EACCES') return [`PORT: ${port} may not be used by this user`]
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return [`HOST: ${address ?? message} is no address of this machine`]
  return [stack ?? message]
}
