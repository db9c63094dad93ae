import { signal } from '@preact/signals'
import { addressOf } from '../shared/address.ts'
import { authorization } from '../shared/api.ts'
import { hasToken, user } from '../shared/link.ts'
import type { Conversation } from './conversation.ts'
import { uniqueKey } from './key.ts'

export interface Upload {
  readonly key: string
  readonly room: Conversation
  readonly file: File
  /** 0 to 1. */
  readonly share: number
  readonly failed?: string | undefined
  /** It would be refused again. */
  readonly isFinal?: boolean
}

const MAX_AT_ONCE = 10

/** What is on its way to the gateway, which announces it in its room. */
export const uploads = signal<readonly Upload[]>([])

export function share (room: Conversation, files: readonly File[]): void {
  for (const file of files.slice(0, MAX_AT_ONCE)) send({ key: uniqueKey(), room, file, share: 0 })
}

export function retry (upload: Upload): void {
  send({ ...upload, share: 0, failed: undefined, isFinal: false })
}

export function drop ({ key }: Upload): void {
  uploads.value = uploads.peek().filter((one) => one.key !== key)
}

/** Not fetch, which does not tell how far it is. */
function send (upload: Upload): void {
  const { room, file, key } = upload
  put(upload)
  const request = new XMLHttpRequest()
  const query = new URLSearchParams({ name: file.name || 'pasted.png' })
  // In an open gateway this is who we are, once that is known; a token says it itself.
  if (!hasToken() && user.peek() !== '') query.set('from', user.peek())
  request.open('POST', addressOf(`rooms/${encodeURIComponent(room.name)}/files?${query.toString()}`))
  request.setRequestHeader('Content-Type', file.type || 'application/octet-stream')
  request.setRequestHeader('Idempotency-Key', key)
  for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value)
  request.upload.onprogress = ({ loaded, total }) => put({ ...upload, share: total === 0 ? 0 : loaded / total })
  request.onerror = () => put({ ...upload, failed: 'the gateway did not answer' })
  request.onload = () => {
    if (request.status < 300) drop(upload)
    else put({ ...upload, ...refusalIn(request) })
  }
  request.send(file)
}

/** What the gateway said, in words for who chose the file. */
function refusalIn ({ status, responseText }: XMLHttpRequest): Pick<Upload, 'failed' | 'isFinal'> {
  // There is no such route: FILES_DIR.
  if (status === 404) return { failed: 'this gateway shares no files', isFinal: true }
  try {
    const { reason, message } = JSON.parse(responseText) as { reason: string, message: string }
    const failed = message === 'body: missing' ? 'it is empty' : message.replace(/^body: /, 'it ')
    return { failed, isFinal: ['bad_message', 'too_large'].includes(reason) }
  } catch {
    return { failed: `the gateway answered ${status}` }
  }
}

function put (upload: Upload): void {
  const before = uploads.peek()
  const isHere = before.some(({ key }) => key === upload.key)
  uploads.value = isHere ? before.map((one) => one.key === upload.key ? upload : one) : [...before, upload]
}
