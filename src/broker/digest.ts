import { createHash } from 'node:crypto'

/**
 * A short digest of what came with an idempotency key, to tell a retry from another publish. A signal and a stored
 * message are never the same, whatever they hold.
 */
export function digestOf (kind: 'entry' | 'signal' | 'move', content: string | Uint8Array): string {
  return createHash('sha1').update(`${kind} `).update(content).digest('base64url')
}
