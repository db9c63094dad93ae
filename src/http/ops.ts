import type { FastifyPluginAsync } from 'fastify'
import type { Metrics } from '../metrics/metrics.ts'
import { refusal } from '../protocol/codes.ts'
import { answers, StatusAnswer, TextAnswer } from '../schemas/http.ts'
import { sendRefusal } from './errors.ts'
import { UNLIMITED } from './rate-limit.ts'

interface OpsOptions {
  /** Undefined where it is. */
  readonly whyNotReady: () => string | undefined
  readonly metrics: Metrics
}

const COMMON = { tags: ['operation'], security: [] }
const HEALTH = { ...COMMON, summary: 'The process lives', response: answers(StatusAnswer) }
const READINESS = { ...COMMON, summary: 'It is fit for traffic', response: answers(StatusAnswer, 'unavailable') }
const METRICS = { ...COMMON, summary: 'What Prometheus asks for', produces: ['text/plain'], response: answers(TextAnswer) }

/** `/healthz`: the process lives. `/readyz`: it is fit for traffic. `/metrics`: what Prometheus asks for. */
export const opsRoutes: FastifyPluginAsync<OpsOptions> = async (app, { whyNotReady, metrics }) => {
  app.get('/healthz', { schema: HEALTH, ...UNLIMITED }, async () => ({ status: 'ok' }))
  app.get('/readyz', { schema: READINESS, ...UNLIMITED }, async (_request, reply) => {
    const problem = whyNotReady()
    return problem === undefined ? { status: 'ready' } : sendRefusal(reply, refusal('unavailable', problem))
  })
  app.get('/metrics', { schema: METRICS, ...UNLIMITED }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()))
}
