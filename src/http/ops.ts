import type { FastifyPluginAsync } from 'fastify'
import { refusal } from '../protocol/codes.ts'
import { sendRefusal } from './errors.ts'
import { UNLIMITED } from './rate-limit.ts'

interface OpsOptions {
  /** Undefined where it is. */
  readonly whyNotReady: () => string | undefined
}

/** `/healthz`: the process lives. `/readyz`: it is fit for traffic. */
export const opsRoutes: FastifyPluginAsync<OpsOptions> = async (app, { whyNotReady }) => {
  app.get('/healthz', UNLIMITED, async () => ({ status: 'ok' }))
  app.get('/readyz', UNLIMITED, async (_request, reply) => {
    const problem = whyNotReady()
    return problem === undefined ? { status: 'ready' } : sendRefusal(reply, refusal('unavailable', problem))
  })
}
