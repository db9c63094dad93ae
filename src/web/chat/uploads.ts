import { signal } from '@preact/signals'
import { addressOf } from '../shared/address.ts'
import { authorization } from '../shared/api.ts'
import { hasToken, status, user } from '../shared/link.ts'
import type { Conversation } from './conversation.ts'
import { uniqueKey } from './key.ts'
import { maxFileBytes } from './max-file-bytes.ts'
import { sizeText } from './shared-file.ts'

export interface Upload {
  readonly key: string
  /** The room's name: it may be left meanwhile, and joined again. */
  readonly room: string
  readonly file: File
  /** 0 to 1. */
  readonly share: number
  readonly failed?: string | undefined
  /** It would be refused again. */
  readonly isFinal?: boolean
}

const MAX_AT_ONCE = 2
// The gateway gives up after 120 s.
const TIMEOUT_MS = 130_000

/** What is on its way to the gateway, which announces it in its room; a few at a time, while there is a connection. */
export const uploads = signal<readonly Upload[]>([])
const underWay = new Map<string, XMLHttpRequest>()

export function share ({ name }: Conversation, files: readonly File[]): void {
  const fresh = files.map((file) => ({ key: uniqueKey(), room: name, file, share: 0, ...tooLarge(file) }))
  uploads.value = [...uploads.peek(), ...fresh]
  pump()
}

export function retry ({ key }: Upload): void {
  change(key, { share: 0, failed: undefined })
  pump()
}

/** What the gateway has all of by then is announced all the same. */
export function drop ({ key }: Upload): void {
  uploads.value = uploads.peek().filter((one) => one.key !== key)
  underWay.get(key)?.abort()
}

status.subscribe(({ state }) => { if (state === 'online') pump() })

function pump (): void {
  for (const upload of uploads.peek()) {
    if (status.peek().state !== 'online' || underWay.size >= MAX_AT_ONCE) return
    if (upload.failed === undefined && !underWay.has(upload.key)) send(upload)
  }
}

/** Not fetch, which does not tell how far it is. */
function send ({ room, file, key }: Upload): void {
  const request = new XMLHttpRequest()
  underWay.set(key, request)
  const query = new URLSearchParams({ name: file.name || 'pasted.png' })
  // In an open gateway this is who we are, once that is known; a token says it itself.
  if (!hasToken() && user.peek() !== '') query.set('from', user.peek())
  request.open('POST', addressOf(`rooms/${encodeURIComponent(room)}/files?${query.toString()}`))
  request.timeout = TIMEOUT_MS
  request.setRequestHeader('Content-Type', file.type || 'application/octet-stream')
  request.setRequestHeader('Idempotency-Key', key)
  for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value)
  request.upload.onprogress = ({ loaded, total }) => change(key, { share: total === 0 ? 0 : loaded / total })
  request.onloadend = () => {
    underWay.delete(key)
    settle(key, request)
    pump()
  }
  request.send(file)
}

function settle (key: string, request: XMLHttpRequest): void {
  const { status: code } = request
  if (code >= 200 && code < 300) uploads.value = uploads.peek().filter((one) => one.key !== key)
  // It waits, and is sent again when the connection is back: with the same key it cannot appear twice.
  else if (code === 0 && status.peek().state !== 'online') change(key, { share: 0 })
  else change(key, refusalIn(request))
}

/** What the gateway said, in words for who chose the file. */
function refusalIn ({ status: code, responseText }: XMLHttpRequest): Pick<Upload, 'failed' | 'isFinal'> {
  if (code === 0) return { failed: 'the gateway did not answer' }
  try {
    const { reason, message } = JSON.parse(responseText) as { reason: string, message: string }
    const failed = message === 'body: missing' ? 'it is empty' : message.replace(/^body: /, 'it ')
    return { failed, isFinal: ['bad_message', 'too_large'].includes(reason) }
  } catch {
    return { failed: `the gateway answered ${code}` }
  }
}

/** A gateway that is sent too much ends the connection, and a browser does not tell why. */
function tooLarge ({ size }: File): Pick<Upload, 'failed' | 'isFinal'> {
  return size > maxFileBytes ? { failed: `larger than ${sizeText(maxFileBytes)}`, isFinal: true } : {}
}

function change (key: string, part: Partial<Upload>): void {
  uploads.value = uploads.peek().map((one) => one.key === key ? { ...one, ...part } : one)
}
