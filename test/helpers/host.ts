import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import { eventually } from '../../cluster/until.ts'
import { tidegate, type TidegateOptions } from '../../src/index.ts'

export interface Host {
  readonly app: FastifyInstance
  readonly http: string
  /** Of the gateway. */
  readonly ws: string
  /** Every line that was logged. */
  readonly logged: string[]
}

interface HostOptions {
  readonly server?: FastifyServerOptions
  /** What the app has besides, before the gateway. */
  readonly setUp?: (app: FastifyInstance) => Promise<void> | void
}

/** A Fastify app of somebody's with a gateway in it, ended with the test. */
export async function startHost (
  test: Test, options: TidegateOptions = {}, { server = {}, setUp }: HostOptions = {}
): Promise<Host> {
  const logged: string[] = []
  const stream = { write: (line: string): void => { logged.push(line) } }
  const app = Fastify({ logger: { level: 'debug', stream }, ...server })
  test.teardown(() => app.close())
  await setUp?.(app)
  await app.register(tidegate, { drainMs: 0, ...options })
  await app.listen({ port: 0, host: '127.0.0.1' })
  await eventually('ready', async () => app.tidegate.whyNotReady === undefined)
  const { port } = app.server.address() as { port: number }
  const place = `127.0.0.1:${port}`
  return { app, http: `http://${place}`, ws: `ws://${place}${options.prefix ?? ''}/ws`, logged }
}
