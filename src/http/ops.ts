import type { FastifyPluginAsync } from 'fastify'
import type { Metrics } from '../metrics/metrics.ts'
import { refusal } from '../protocol/codes.ts'
import { sendRefusal } from './errors.ts'
import { UNLIMITED } from './rate-limit.ts'

interface OpsOptions {
  /** Undefined where it is. */
  readonly whyNotReady: () => string | undefined
  readonly metrics: Metrics
}

/** `/healthz`: the process lives. `/readyz`: it is fit for traffic. `/metrics`: what Prometheus asks for. */
export const opsRoutes: FastifyPluginAsync<OpsOptions> = async (app, { whyNotReady, metrics }) => {
  app.get('/healthz', UNLIMITED, async () => ({ status: 'ok' }))
  app.get('/readyz', UNLIMITED, async (_request, reply) => {
    const problem = whyNotReady()
    return problem === undefined ? { status: 'ready' } : sendRefusal(reply, refusal('unavailable', problem))
  })
  app.get('/metrics', UNLIMITED, async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()))
}
