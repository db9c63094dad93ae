import type { Target } from '../options.ts'
import { open, type Opening } from '../socket.ts'
import { millis } from '../words.ts'
import { fault, type Finding, ok, skipped, warning } from './finding.ts'

const PROTOCOL = 1
/** Nobody's. */
const STRANGE_ORIGIN = 'https://tidegate-doctor.invalid'

export interface Welcomed {
  readonly findings: readonly Finding[]
  /** Undefined where nobody is let in. */
  readonly welcome: Extract<Opening, { outcome: 'welcome' }> | undefined
}

/** The upgrade, and who is let in by it. */
export async function checkWebSocket (target: Target, origin: string | undefined): Promise<Welcomed> {
  const opening = await open(target.ws, target)
  if (opening.outcome !== 'welcome') return { findings: [await whyNot(target, opening)], welcome: undefined }
  const { welcome, tookMs } = opening
  const findings = [
    ok('upgrade', `${target.ws} lets us in, in ${millis(tookMs)}, as ${JSON.stringify(welcome['user'])}`),
    checkProtocol(welcome['protocol']),
    ...await checkOpen(target),
    ...await checkOrigins(target, origin)
  ]
  return { findings, welcome: opening }
}

function checkProtocol (version: unknown): Finding {
  if (version === PROTOCOL) return ok('protocol', `version ${PROTOCOL}, as this command's`)
  return fault('protocol', `it speaks version ${JSON.stringify(version)} of the protocol, and this command ${PROTOCOL}`, 'Use the tidegate command of the gateway\'s release.')
}

async function whyNot (target: Target, opening: Exclude<Opening, { outcome: 'welcome' }>): Promise<Finding> {
  if (opening.outcome === 'failed') return fault('upgrade', `${target.ws}: ${opening.message}`, 'Does the proxy pass WebSockets on, and for this path?')
  if (opening.outcome === 'closed') {
    const advice = opening.code === 4401 ? 'Give a good token: --token, or TIDEGATE_TOKEN.' : 'Look at the log of the gateway.'
    return fault('upgrade', `closed with ${opening.code}: ${opening.message}`, advice)
  }
  const { status, reason, message } = opening
  if (reason === 'bad_message') {
    return fault('upgrade', 'the proxy does not pass the upgrade on: the gateway saw a plain request',
      'It must speak HTTP/1.1 to the gateway, with the headers Upgrade and Connection (nginx.conf has the lines).')
  }
  if (status === 401) return await whyUnauthenticated(target, message)
  if (status === 403) return fault('upgrade', `refused: ${message}`, 'Without Origin nobody is refused for it: does the proxy add one?')
  if (reason === undefined) return fault('upgrade', `${status} ${message}, and not by the gateway`, 'A proxy answers by itself: look at its upstream, and at its rules for /ws.')
  return fault('upgrade', `refused: ${message} (${status})`, 'Look at the limits (docs/auth.md#limits), and whether the gateway drains.')
}

async function whyUnauthenticated (target: Target, message: string): Promise<Finding> {
  if (target.token === undefined) return fault('auth', `it asks for a token: ${message}`, 'Give one: --token, or TIDEGATE_TOKEN (for development: tidegate token).')
  const inQuery = new URL(target.ws)
  inQuery.searchParams.set('token', target.token)
  const again = await open(inQuery.href)
  if (again.outcome === 'welcome') {
    again.socket.terminate()
    return fault('auth', 'the token is taken in the address and not in the header: the proxy does not pass Authorization on', 'Pass it on.')
  }
  return fault('auth', `the token is refused: ${message}`, 'Sign it with the secret or key of this gateway, and with its issuer and audience.')
}

/** Who comes without a token where one was given. */
async function checkOpen (target: Target): Promise<Finding[]> {
  const anybody = await open(target.ws, target.token === undefined ? {} : { ...target, token: undefined })
  if (anybody.outcome !== 'welcome') return [ok('auth', 'without a token nobody gets in')]
  anybody.socket.terminate()
  return [warning('auth', 'it is open: whoever reaches it may do everything', 'Set AUTH_SECRET or AUTH_JWKS_URL, and AUTH_REQUIRED=1 (docs/auth.md), or keep it inside.')]
}

async function checkOrigins (target: Target, origin: string | undefined): Promise<Finding[]> {
  const findings: Finding[] = []
  const own = new URL(target.site).origin
  if (!await isLetIn(target, own)) {
    findings.push(fault('host', `a page of ${own} itself is refused: Host does not reach the gateway as the browser sent it`,
      'Let the proxy pass Host on (nginx: proxy_set_header Host $http_host), or list the origin in ALLOWED_ORIGINS.'))
  } else findings.push(ok('host', `a page of ${own} is let in`))
  if (await isLetIn(target, STRANGE_ORIGIN)) {
    findings.push(warning('origins', 'pages of every origin are let in', 'List yours in ALLOWED_ORIGINS, instead of *.'))
  } else findings.push(ok('origins', 'a page of a strange origin is refused'))
  if (origin === undefined) findings.push(skipped('origin', '--origin https://… tries the origin of your pages'))
  else if (await isLetIn(target, origin)) findings.push(ok('origin', `a page of ${origin} is let in`))
  else findings.push(fault('origin', `a page of ${origin} is refused`, `Add it to ALLOWED_ORIGINS: ${origin}`))
  return findings
}

async function isLetIn (target: Target, origin: string): Promise<boolean> {
  const opening = await open(target.ws, { ...target, origin })
  if (opening.outcome === 'welcome') opening.socket.terminate()
  return opening.outcome === 'welcome'
}
