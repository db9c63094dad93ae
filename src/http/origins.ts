import type { Asker } from './asker.ts'

/**
 * May a page of this origin talk to the gateway? CORS does not guard WebSockets, so this does, before the
 * upgrade. No Origin is no browser. Exact after URL parsing: `good.com.evil` is not `good.com`.
 *
 * @param host what the client asked for, host and port
 * @param allowed origins as URL serialises them, `null`, or `*`
 */
export function isOriginAllowed (origin: string | undefined, host: string, allowed: readonly string[]): boolean {
  if (origin === undefined) return true
  if (origin === 'null') return allowed.includes('null')
  if (allowed.includes('*')) return true
  if (!/^https?:/i.test(origin) || !URL.canParse(origin)) return false
  const url = new URL(origin)
  return url.host === hostOf(url.protocol, host) || allowed.includes(url.origin)
}

/** The host as a URL of this scheme has it: lower case, without the default port. */
function hostOf (protocol: string, host: string): string | undefined {
  const text = `${protocol}//${host}`
  return URL.canParse(text) ? new URL(text).host : undefined
}

export function isAskerAllowed ({ headers, host }: Asker, allowed: readonly string[]): boolean {
  return isOriginAllowed(headers.origin, host, allowed)
}
