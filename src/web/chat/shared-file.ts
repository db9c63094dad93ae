import { addressOf } from '../shared/address.ts'

/** The content of a message that tells of a file. */
export interface SharedFile {
  readonly type: 'file'
  readonly id: string
  readonly name: string
  readonly mediaType: string
  readonly bytes: number
  readonly url: string
  /** Of pictures, in pixels. */
  readonly width?: number | undefined
  readonly height?: number | undefined
}

// Names are at most 101 characters, of up to two units each (files/names.ts).
const MAX_NAME_UNITS = 202
const MEDIA_TYPE = /^[a-z]{1,20}\/[\w.+-]{1,60}$/

/**
 * Anyone can publish anything: what is not of this form, or whose address is not the one of this very file, is shown as
 * the JSON that it is. So its name is the one that the gateway serves it under, too.
 */
export function isShared (content: unknown): content is SharedFile {
  if (typeof content !== 'object' || content === null) return false
  const { type, id, name, mediaType, bytes, url } = content as Record<string, unknown>
  return type === 'file' && typeof id === 'string' && /^[\w-]{22}$/.test(id) &&
    typeof name === 'string' && name.length <= MAX_NAME_UNITS && typeof mediaType === 'string' && MEDIA_TYPE.test(mediaType) &&
    Number.isSafeInteger(bytes) && (bytes as number) > 0 && url === addressOfFile(id, name)
}

/** Undefined where a browser would make another one of it. */
function addressOfFile (id: string, name: string): string | undefined {
  try {
    const address = addressOf(`files/${id}/${encodeURIComponent(name)}`)
    return new URL(address, location.href).pathname === address ? address : undefined
  } catch {
    return undefined // half a character has no address
  }
}

const UNITS = ['B', 'KB', 'MB', 'GB']

export function sizeText (bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)))
  const value = bytes / 1000 ** power
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[power]}`
}
