import { EVENT_TYPES } from './queue.ts'

/** What is told, to whom, and how. */
export interface WebhookSettings {
  /** What it holds beside the host may be a secret, and is never told. */
  readonly url: URL
  /** The first signs; the others sign beside it, for as long as a target may know only one of them. */
  readonly secrets: readonly Uint8Array[]
  /** Letters of EVENT_TYPES. */
  readonly wanted: string
  readonly timeoutMs: number
  readonly batchMs: number
  readonly maxRetryMs: number
  readonly maxWaiting: number
  readonly maxAgeMs: number
}

/** As the environment has it. */
interface Written {
  readonly WEBHOOK_URL: string | undefined
  readonly WEBHOOK_SECRET: string | undefined
  readonly WEBHOOK_EVENTS: string | undefined
  readonly WEBHOOK_TIMEOUT_MS: number
  readonly WEBHOOK_BATCH_MS: number
  readonly WEBHOOK_RETRY_MS: number
  readonly WEBHOOK_QUEUE: number
  readonly WEBHOOK_MAX_AGE_MS: number
}

// The Standard Webhooks specification: a symmetric secret has 24 to 64 bytes.
const SECRET_BYTES = { least: 24, most: 64 }
const MAX_SECRETS = 4

/**
 * What the environment says of webhooks; undefined for none.
 * @param problems what is wrong is added here; neither the address nor a secret is repeated
 */
export function readWebhooks (written: Written, problems: string[]): WebhookSettings | undefined {
  const { WEBHOOK_URL: url, WEBHOOK_SECRET: secret, WEBHOOK_EVENTS: events } = written
  if (url === undefined) {
    // Alone they would quietly tell nobody.
    if (secret !== undefined) problems.push('WEBHOOK_SECRET: needs WEBHOOK_URL')
    if (events !== undefined) problems.push('WEBHOOK_EVENTS: needs WEBHOOK_URL')
    return undefined
  }
  const isUrl = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)
  if (!isUrl) problems.push('WEBHOOK_URL: must be https://… (or http://… in a network that can be trusted)')
  return {
    url: new URL(isUrl ? url : 'https://localhost'),
    secrets: readSecrets(secret, problems),
    wanted: readEvents(events, problems),
    timeoutMs: written.WEBHOOK_TIMEOUT_MS,
    batchMs: written.WEBHOOK_BATCH_MS,
    maxRetryMs: written.WEBHOOK_RETRY_MS,
    maxWaiting: written.WEBHOOK_QUEUE,
    maxAgeMs: written.WEBHOOK_MAX_AGE_MS
  }
}

function readSecrets (list: string | undefined, problems: string[]): Uint8Array[] {
  const secrets = split(list ?? '').map((item) => decodeSecret(item))
  const isGood = secrets.length > 0 && secrets.length <= MAX_SECRETS && !secrets.includes(undefined)
  if (!isGood) {
    const { least, most } = SECRET_BYTES
    problems.push(`WEBHOOK_SECRET: must be whsec_ and base64 of ${least} to ${most} bytes ` +
      `(echo "whsec_$(openssl rand -base64 32)" makes one), or up to ${MAX_SECRETS} of these with commas`)
  }
  return isGood ? secrets as Uint8Array[] : []
}

function decodeSecret (text: string): Uint8Array | undefined {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1]
  if (base64 === undefined || base64.length % 4 !== 0) return undefined
  const bytes = Buffer.from(base64, 'base64')
  return bytes.length >= SECRET_BYTES.least && bytes.length <= SECRET_BYTES.most ? bytes : undefined
}

function readEvents (list: string | undefined, problems: string[]): string {
  const letters = Object.entries(EVENT_TYPES)
  if (list === undefined) return letters.map(([letter]) => letter).join('')
  const names = split(list)
  const known = letters.map(([, name]) => name)
  const unknown = names.filter((name) => !known.some((each) => each === name))
  if (unknown.length > 0 || names.length === 0) {
    problems.push(`WEBHOOK_EVENTS: must be a list of ${known.join(', ')}, not ${JSON.stringify(unknown.join(','))}`)
  }
  return letters.filter(([, name]) => names.includes(name)).map(([letter]) => letter).join('')
}

function split (list: string): string[] {
  return list.split(',').map((item) => item.trim()).filter((item) => item !== '')
}
