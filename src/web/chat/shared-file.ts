import { addressOf } from '../shared/address.ts'

/** The content of a message that tells of a file. */
export interface SharedFile {
  readonly type: 'file'
  readonly id: string
  readonly name: string
  readonly mediaType: string
  readonly bytes: number
  /** A path of this gateway, never another site's. */
  readonly url: string
  /** Of pictures, in pixels. */
  readonly width?: number | undefined
  readonly height?: number | undefined
}

/** Anyone can publish anything: what is not of this form, or leads elsewhere, is shown as the JSON that it is. */
export function isShared (content: unknown): content is SharedFile {
  if (typeof content !== 'object' || content === null) return false
  const { type, name, mediaType, bytes, url } = content as Record<string, unknown>
  return type === 'file' && [name, mediaType].every((text) => typeof text === 'string') && typeof bytes === 'number' &&
    typeof url === 'string' && url.startsWith(addressOf('files/')) && /^[\w./%~-]+$/.test(url) && !url.includes('..')
}

const UNITS = ['B', 'KB', 'MB', 'GB']

export function sizeText (bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)))
  const value = bytes / 1000 ** power
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[power]}`
}
