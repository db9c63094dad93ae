import { signal, type Signal } from '@preact/signals'
import { authorization, get, refusalOf } from '../shared/api.ts'
import { hasToken } from '../shared/link.ts'

// A link holds for 10 minutes at least.
const HOLDS_MS = 8 * 60_000

// Where it could not be had.
const AGAIN_MS = 5_000

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
  const path = `rooms/${encodeURIComponent(room)}/files/link`
  const answer = await get<{ readonly query: string }>(path)
  // Where replicas have no secret in common, only the token opens them. It is in no address for less.
  const isTokenNeeded = answer === undefined && refusalOf(path) === 404
  if (answer !== undefined) link.value = answer.query
  else if (isTokenNeeded) link.value = `token=${(authorization()['Authorization'] ?? '').slice('Bearer '.length)}`
  setTimeout(() => { void renew(room, link) }, answer !== undefined || isTokenNeeded ? HOLDS_MS : AGAIN_MS)
}
