import { signal, type Signal } from '@preact/signals'
import { get, refusalOf } from '../shared/api.ts'
import { client, hasToken } from '../shared/link.ts'
import { pageToken } from '../shared/token.ts'

interface Link {
  readonly query: Signal<string | undefined>
  timer: ReturnType<typeof setTimeout> | undefined
}

// A link holds for 10 minutes at least.
const HOLDS_MS = 8 * 60_000
const RETRY_MS = 5_000

const links = new Map<string, Link>()

/**
 * What opens a room's files for `<img>`, which sends no token: to put behind their address. Undefined while it is asked
 * for.
 */
export function linkOf (room: string): string | undefined {
  if (!hasToken()) return ''
  let link = links.get(room)
  if (link === undefined) {
    links.set(room, link = { query: signal(undefined), timer: undefined })
    void renew(room, link)
  }
  return link.query.value
}

async function renew (room: string, link: Link): Promise<void> {
  const path = `rooms/${encodeURIComponent(room)}/files/link`
  const answer = await get<{ readonly query: string }>(path)
  if (typeof answer === 'object') link.query.value = `?${answer.query}`
  // Where replicas have no secret in common, only the token opens them. It is in no address for less.
  else if (refusalOf(path) === 404) link.query.value = `?${new URLSearchParams({ token: pageToken() ?? '' }).toString()}`
  // Otherwise the one before may still hold.
  clearTimeout(link.timer)
  link.timer = setTimeout(() => { void renew(room, link) }, answer === 'failed' ? RETRY_MS : HOLDS_MS)
}

// Another token may open more, or less.
client.subscribe(() => { for (const [room, link] of links) void renew(room, link) })
