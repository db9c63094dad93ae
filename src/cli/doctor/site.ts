import type { Target } from '../options.ts'
import { describe, readFrame } from '../socket.ts'
import { millis } from '../words.ts'
import { fault, type Finding, ok, skipped, warning } from './finding.ts'
import { clock } from './redis.ts'

const TIMEOUT_MS = 5_000
const DATE_RESOLUTION_MS = 1_000

interface SiteFindings { readonly findings: readonly Finding[], readonly isGateway: boolean }

/** The gateway over HTTP. `isGateway` false: there is no use in asking further. */
export async function checkSite (target: Target): Promise<SiteFindings> {
  const health = await get(`${target.site}/healthz`)
  if ('problem' in health) {
    const advice = 'Is the gateway (or the proxy before it) up, and are host and port right? --url, or TIDEGATE_URL.'
    return { findings: [fault('reach', `${target.site}: ${health.problem}`, advice)], isGateway: false }
  }
  if (health.status >= 500) {
    const advice = 'A proxy answers, and no replica behind it: look at its upstream, and at the replicas.'
    return { findings: [fault('reach', `${target.site}: /healthz answers ${health.status}`, advice)], isGateway: false }
  }
  if (health.status !== 200 || health.body?.['status'] !== 'ok') {
    const advice = 'Something else listens at this port, or a proxy does not lead here: is the port right?'
    return { findings: [fault('reach', `${target.site} answers, but not as Tidegate (/healthz: ${health.status})`, advice)], isGateway: false }
  }
  const findings = [
    ok('reach', `${target.site} answers in ${millis(health.tookMs)}`),
    await checkReadiness(target),
    ...checkTransport(target),
    ...await checkMetrics(target),
    ...checkDate(health)
  ]
  return { findings, isGateway: true }
}

async function checkReadiness ({ site }: Target): Promise<Finding> {
  const answer = await get(`${site}/readyz`)
  if ('problem' in answer) return fault('ready', `/readyz: ${answer.problem}`, 'Look at the log of the gateway.')
  if (answer.status === 200) return ok('ready', 'it is fit for traffic (/readyz)')
  if (answer.status === 404) return ok('ready', '/readyz is not public: as it should be')
  const why = typeof answer.body?.['message'] === 'string' ? answer.body['message'] : String(answer.status)
  return fault('ready', `it is not fit for traffic: ${why}`, 'Look at Redis, and at the log of the gateway; while it drains this is as it should be.')
}

function checkTransport ({ site }: Target): Finding[] {
  const { protocol, hostname } = new URL(site)
  if (protocol === 'https:') return [ok('tls', 'over TLS')]
  if (isLoopback(hostname)) return []
  return [warning('tls', 'not over TLS: tokens and messages can be read on their way', 'Let the proxy end TLS, and use https://.')]
}

export function isLoopback (hostname: string): boolean {
  return hostname === 'localhost' || hostname.startsWith('127.') || hostname === '[::1]'
}

/** Figures are for those who run the gateway. */
async function checkMetrics ({ site }: Target): Promise<Finding[]> {
  if (isLoopback(new URL(site).hostname)) return []
  const answer = await get(`${site}/metrics`)
  if ('problem' in answer || answer.status !== 200) return [ok('metrics', '/metrics is not public')]
  return [warning('metrics', '/metrics is public', 'Let the proxy answer 404 there, as nginx.conf does; Prometheus asks the replicas themselves.')]
}

function checkDate ({ date, tookMs }: Answer): Finding[] {
  if (date === undefined) return [skipped('clock', 'it does not tell its time (no Date header)')]
  // The header names the second that had begun.
  return [clock('the gateway', date + DATE_RESOLUTION_MS / 2 + tookMs / 2 - Date.now(), DATE_RESOLUTION_MS)]
}

interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>> | undefined
  readonly headers: Headers
  readonly date: number | undefined
  readonly tookMs: number
}

export async function get (
  url: string, headers: Record<string, string> = {}
): Promise<Answer | { readonly problem: string }> {
  const startMs = performance.now()
  try {
    const response = await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) })
    const date = Date.parse(response.headers.get('date') ?? '')
    return {
      status: response.status,
      body: readFrame(await response.text()),
      headers: response.headers,
      date: Number.isNaN(date) ? undefined : date,
      tookMs: performance.now() - startMs
    }
  } catch (error) {
    return { problem: (error as Error).name === 'TimeoutError' ? `no answer within ${TIMEOUT_MS} ms` : describe(error) }
  }
}
