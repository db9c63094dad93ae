import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { Keys } from '../../redis/keys.ts'
import type { Target } from '../options.ts'
import { open } from '../socket.ts'
import { millis } from '../words.ts'
import { fault, type Finding, ok, skipped, warning } from './finding.ts'
import { get, isLoopback } from './site.ts'

/** As much of Redis as is asked here. */
interface Counters { exists (key: string): Promise<number> }

const EVENT_PATIENCE_MS = 3_000
const CONNECT_PATIENCE_MS = 3_000

/**
 * Whether a client's own word of its address (X-Forwarded-For) is believed: told by the address under which Redis has
 * counted a request (RATE_HTTP). Those counters live for a second.
 */
export async function checkForwardedFor (
  target: Target, redis: Counters | undefined, prefix: string
): Promise<Finding> {
  const check = 'x-forwarded-for'
  if (redis === undefined) return skipped(check, 'needs Redis (--redis, or REDIS_URL): the address that a request is counted under is there')
  const keys = new Keys(prefix)
  // Of a network for documentation (RFC 5737), which is nobody's.
  const made = `203.0.113.${randomInt(1, 255)}`
  const own = await ownAddress(target)
  const answer = await get(`${target.site}/position`, { 'x-forwarded-for': made })
  if ('problem' in answer) return skipped(check, `/position: ${answer.problem}`)
  const isCounted = async (address: string): Promise<boolean> => await redis.exists(keys.quota(`http:${address}`)) === 1
  try {
    if (await isCounted(made)) return believed(target)
    if (own !== undefined && await isCounted(own)) return ok(check, `what a client says of its address is not believed; counted as ${own}`)
  } catch {
    return skipped(check, 'this user of Redis may not look at the counters')
  }
  return warning(check, `requests from here are not counted as ${own ?? 'this machine'}'s: right behind NAT, or where RATE_HTTP is 0`,
    'Otherwise TRUST_PROXY does not name the proxy, and all clients share the limits of one address.')
}

function believed ({ site }: Target): Finding {
  const message = 'a client\'s own word of its address is believed: limits by address can be passed by'
  if (isLoopback(new URL(site).hostname)) {
    return warning('x-forwarded-for', `${message} (by processes of this machine: TRUST_PROXY has loopback)`, 'As it should be without a proxy before it; through one, overwrite the header (below).')
  }
  return fault('x-forwarded-for', message, 'Let the outermost proxy overwrite the header (nginx: proxy_set_header X-Forwarded-For $remote_addr), and let TRUST_PROXY name proxies only.')
}

/** Of this machine, as the other side would see it without NAT. */
async function ownAddress ({ site }: Target): Promise<string | undefined> {
  const { hostname, port, protocol } = new URL(site)
  const socket = connect(Number(port || (protocol === 'https:' ? 443 : 80)), hostname.replace(/^\[|\]$/g, ''))
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_PATIENCE_MS) })
    return socket.localAddress?.replace(/^::ffff:/, '')
  } catch {
    return undefined
  } finally {
    socket.destroy()
  }
}

/** Whether events reach a client as they come, or wait in a proxy's buffer. */
export async function checkBuffering ({ site, token }: Target): Promise<Finding> {
  const patience = new AbortController()
  const timer = setTimeout(() => patience.abort(), EVENT_PATIENCE_MS)
  const startMs = performance.now()
  try {
    const response = await fetch(`${site}/events?room=live:doctor`, {
      headers: { accept: 'text/event-stream', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      redirect: 'manual',
      signal: patience.signal
    })
    if (response.status !== 200 || response.body === null) {
      return skipped('buffering', response.status === 404 ? 'this gateway has no event streams' : `/events answers ${response.status}`)
    }
    await response.body.getReader().read()
    return ok('buffering', `the first event comes at once, in ${millis(performance.now() - startMs)}`)
  } catch {
    return fault('buffering', `no event within ${EVENT_PATIENCE_MS} ms: a proxy holds them back`, 'proxy_buffering off for /events, as in nginx.conf.')
  } finally {
    clearTimeout(timer)
    patience.abort()
  }
}

/** Whether a connection on which nothing but heartbeats travels outlives a proxy's time-outs. */
export async function checkIdle (target: Target, idleS: number, signal: AbortSignal): Promise<Finding> {
  if (idleS === 0) return skipped('idle', '--idle 70 holds a connection for 70 s, to see whether a proxy cuts it')
  const opening = await open(target.ws, target)
  if (opening.outcome !== 'welcome') return skipped('idle', 'nobody is let in any more')
  const { socket, welcome } = opening
  const pingMs = Number(welcome['pingIntervalMs'])
  let pings = 0
  socket.on('ping', () => { pings++ })
  const startMs = performance.now()
  const closed = once(socket, 'close', { signal: AbortSignal.any([signal, AbortSignal.timeout(idleS * 1_000)]) })
  try {
    const [code] = await closed as [number]
    return fault('idle', `the connection was cut after ${millis(performance.now() - startMs)} (${code})`,
      `Let the proxy's time-outs be longer than 2.5 heartbeats (${millis(2.5 * pingMs)}), or PING_INTERVAL_MS shorter.`)
  } catch {
    if (idleS * 1_000 > pingMs + 5_000 && pings === 0) {
      return fault('idle', `no heartbeat came in ${idleS} s`, 'Does the proxy pass pings on?')
    }
    return ok('idle', `the connection stands after ${idleS} s, with ${pings} heartbeats`)
  } finally {
    socket.terminate()
  }
}
