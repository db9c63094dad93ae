import { signal } from '@preact/signals'
import { get } from '../shared/api.ts'
import { status } from '../shared/link.ts'
import { mayAdministrate } from '../shared/token.ts'

interface ActiveRoom { readonly room: string, readonly members: number }

const EVERY_MS = 10_000
const LIMIT = 30
// The car's, and what is no conversation.
const OTHER = /^(position$|live:|latest:)/

/** Rooms with people in them, over all replicas; empty where the token does not let us ask. */
export const discovered = signal<readonly ActiveRoom[]>([])

export function startDiscovery (): void {
  const look = async (): Promise<void> => {
    if (document.visibilityState !== 'visible' || status.peek().state !== 'online') return
    if (!mayAdministrate()) return
    const answer = await get<{ readonly rooms: readonly ActiveRoom[] }>('rooms', `?limit=${LIMIT}`)
    if (answer === 'failed') return
    discovered.value = answer === 'refused' ? [] : answer.rooms.filter(({ room }) => !OTHER.test(room))
  }
  setInterval(() => { void look() }, EVERY_MS)
  status.subscribe(({ state }) => { if (state === 'online') void look() })
}
