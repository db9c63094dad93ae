import { addressOf } from '../shared/address.ts'

/** The content of a message that tells of a file. */
export interface SharedFile {
  readonly type: 'file'
  readonly id: string
  readonly name: string
  readonly mediaType: string
  readonly bytes: number
  /** Of pictures, in pixels. */
  readonly width?: number | undefined
  readonly height?: number | undefined
}

const ID = /^[\w-]{22}$/
// No address can be made of half a character.
const HALVES = /\p{Cs}/u

/** Anyone can publish anything: what is not of this form is shown as the JSON that it is. */
export function isShared (content: unknown): content is SharedFile {
  if (typeof content !== 'object' || content === null) return false
  const { type, id, name, mediaType, bytes } = content as Record<string, unknown>
  return type === 'file' && typeof id === 'string' && ID.test(id) && typeof name === 'string' && !HALVES.test(name) &&
    typeof mediaType === 'string' && typeof bytes === 'number'
}

/** Not the `url` that is said: this one leads to this gateway and nowhere else, under whatever path it is. */
export function addressOfFile ({ id, name }: SharedFile): string {
  return addressOf(`files/${id}/${encodeURIComponent(name)}`)
}

const UNITS = ['B', 'KB', 'MB', 'GB']

export function sizeText (bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)))
  const value = bytes / 1000 ** power
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[power]}`
}
