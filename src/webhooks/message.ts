import { createHash, createHmac } from 'node:crypto'
import type { QueuedEvent } from './queue.ts'

/** One POST: the same id and body however often it is tried. */
interface Message { readonly id: string, readonly body: string }

/** Several events as one message. Its id stands for just these: whoever sends the same ones has the same id. */
export function messageOf (events: readonly QueuedEvent[]): Message {
  const texts = events.map(({ id, body, timestampMs }) =>
    `{"id":"${id}",${body},"timestamp":"${new Date(timestampMs).toISOString()}"}`)
  const hash = createHash('sha256')
  for (const { id } of events) hash.update(id).update(' ')
  return { id: `msg_${hash.digest('base64url').slice(0, 24)}`, body: `{"events":[${texts.join(',')}]}` }
}

/**
 * The headers of the Standard Webhooks specification (https://www.standardwebhooks.com), symmetric: each secret signs
 * `<id>.<seconds>.<body>`. The time is that of this try.
 */
export function headersOf (
  { id, body }: Message, secrets: readonly Uint8Array[], nowMs: number
): Record<string, string> {
  const seconds = Math.floor(nowMs / 1_000)
  const signatures = secrets.map((secret) =>
    `v1,${createHmac('sha256', secret).update(`${id}.${seconds}.${body}`).digest('base64')}`)
  return { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': signatures.join(' ') }
}
