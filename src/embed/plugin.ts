import type { FastifyPluginAsync } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { compose } from '../gateway.ts'
import { answerElsewhere, mount, type Routes } from '../http/guest.ts'
import { HANDLER_TIMEOUT_MS } from '../http/server.ts'
import { HookCalls } from '../session/hook-calls.ts'
import { handleOf, type Tidegate } from './handle.ts'
import { readOptions, type TidegateOptions } from './options.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The gateway that `tidegate` was registered with, in this scope. */
    tidegate: Tidegate
  }
}

// One after the other, a request may be asked of each hook that decides.
const HOOKS_PER_REQUEST = 3

const plugin: FastifyPluginAsync<TidegateOptions> = async (host, options) => {
  const { config, hooks, hookTimeoutMs, maxHookCalls } = readOptions(options)
  const logger = host.log.child({ replica: config.replica })
  const limits = { timeoutMs: hookTimeoutMs, maxCalls: maxHookCalls }
  const calls = hooks && new HookCalls(hooks, limits, logger, () => performance.now())
  const { httpRoutes: http = true, opsRoutes: ops = false, pages = false, prefix = '' } = options
  const noted: Routes = new Map()
  const composed = await compose(config, logger, {
    hooks: calls,
    guest: {
      server: host.server,
      prefix: `${host.prefix}${prefix}`,
      routes: { http, ops, pages },
      handlerTimeoutMs: HANDLER_TIMEOUT_MS + (calls === undefined ? 0 : HOOKS_PER_REQUEST * hookTimeoutMs),
      noted,
      elsewhere: answerElsewhere(host)
    }
  })
  const { app, replica } = composed
  await app.ready()
  mount(host, app, noted)
  host.decorate('tidegate', handleOf(composed))
  if (config.tokens === undefined && hooks?.authenticate === undefined) {
    logger.warn({ prefix }, 'open: whoever reaches the gateway may do everything; set authSecret, authJwksUrl or hooks.authenticate')
  }
  host.addHook('onReady', async () => await replica.begin())
  // Connections end before the server does: it waits for them.
  host.addHook('preClose', async () => await replica.drain())
  host.addHook('onClose', async () => await replica.stop(0))
}

/**
 * A whole gateway in a Fastify app that exists: `/ws`, the routes for back ends, and `app.tidegate` for code. Its
 * CORS, rate limits, headers and error format are its own and hold for its routes alone; the app's stay as they are.
 * `app.close()` sends everyone away as a drain does.
 *
 * @example
 * const app = Fastify({ logger: true })
 * await app.register(tidegate, {
 *   prefix: '/realtime',
 *   redis: 'redis://127.0.0.1:6379',
 *   hooks: {
 *     authenticate: async ({ headers }) => await findUser(headers.cookie),
 *     onMessage: ({ content }) => isRude(content) ? { refuse: 'be kind' } : undefined
 *   }
 * })
 * await app.listen({ port: 3000 })
 * await app.tidegate.publish('news', { headline: 'It works' })
 */
export const tidegate = fastifyPlugin(plugin, { fastify: '5.x', name: 'tidegate' })
