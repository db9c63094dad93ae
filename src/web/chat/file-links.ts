import { signal, type Signal } from '@preact/signals'
import { authorization, get } from '../shared/api.ts'
import { hasToken } from '../shared/link.ts'

// A link holds for 10 minutes at least.
const HOLDS_MS = 8 * 60_000

const links = new Map<string, Signal<string | undefined>>()

/**
 * What opens a room's files for `<img>`, which sends no token: after the `?` of their address. Undefined while it is
 * asked for.
 */
export function linkOf (room: string): string | undefined {
  if (!hasToken()) return ''
  let link = links.get(room)
  if (link === undefined) {
    links.set(room, link = signal(undefined))
    void renew(room, link)
  }
  return link.value
}

async function renew (room: string, link: Signal<string | undefined>): Promise<void> {
  const answer = await get<{ readonly query: string }>(`rooms/${encodeURIComponent(room)}/files/link`)
  // Where replicas have no secret in common, only the token opens them.
  link.value = answer?.query ?? `token=${(authorization()['Authorization'] ?? '').slice('Bearer '.length)}`
  setTimeout(() => { void renew(room, link) }, HOLDS_MS)
}
