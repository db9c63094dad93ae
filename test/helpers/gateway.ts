import { pino } from 'pino'
import type { Test } from 'tap'
import { loadConfig } from '../../src/config.ts'
import { createGateway } from '../../src/gateway.ts'
import type { Gateway } from '../../src/replica.ts'
import { eventually } from '../../cluster/until.ts'

export interface RunningGateway {
  readonly gateway: Gateway
  readonly port: number
  readonly http: string
  readonly ws: string
  /** Every line that was logged. */
  readonly logged: string[]
}

/** A gateway in this process, on a free port, ended with the test. Settings as in the environment. */
export async function startGateway (test: Test, env: Readonly<Record<string, string>> = {}): Promise<RunningGateway> {
  const running = await startUnready(test, env)
  await eventually('ready', async () => (await fetch(`${running.http}/readyz`)).status === 200)
  return running
}

/** As startGateway, where Redis may not be there yet. */
export async function startUnready (test: Test, env: Readonly<Record<string, string>>): Promise<RunningGateway> {
  const logged: string[] = []
  const logger = pino({ level: env['LOG_LEVEL'] ?? 'debug' }, { write: (line) => { logged.push(line) } })
  const config = loadConfig({ PORT: '0', HOST: '127.0.0.1', REPLICA: 'gw-test', ...env })
  const gateway = await createGateway(config, logger)
  test.teardown(() => gateway.stop(0))
  const { port } = (await gateway.start())!
  return { gateway, port, http: `http://127.0.0.1:${port}`, ws: `ws://127.0.0.1:${port}/ws`, logged }
}
