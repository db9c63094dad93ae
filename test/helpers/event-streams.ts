import type { EventClient } from './events.ts'

export const FAST = { RATE_PUBLISHES: '0', RATE_REQUESTS: '0', RATE_CONNECTIONS: '0', MAX_CONNECTIONS_PER_ADDRESS: '0' }

/** Every member of these rooms has joined. */
export async function joined (client: EventClient, rooms: readonly string[]): Promise<void> {
  for (const room of rooms) await client.take((frame) => frame.type === 'joined' && frame.room === room, `in ${room}`)
}

/** The status, and the error's own words, of a stream that is refused. */
export async function refusal (http: string, query: string, headers: Record<string, string> = {}): Promise<unknown[]> {
  const answer = await fetch(`${http}/events${query}`, { headers })
  const { reason, message } = await answer.json() as { reason: string, message: string }
  return [answer.status, reason, message]
}
