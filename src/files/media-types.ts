import { fileTypeFromBuffer } from 'file-type'
import { imageSize } from 'image-size'
import { extensionOf } from './names.ts'

/** What a file is, by its content. */
export interface Media {
  readonly mediaType: string
  /** Its endings, the usual one first. */
  readonly extensions: readonly string[]
  /** Of a picture, in pixels, where its head tells. */
  readonly width?: number
  readonly height?: number
}

interface MediaRow { readonly extensions: readonly string[], readonly isPicture?: true }

/**
 * What may be shared. A browser shows the pictures in place, and runs nothing that is in them; all else it saves. What
 * can hold scripts that run where it is shown (HTML, SVG) is text here.
 */
const TYPES: Readonly<Record<string, MediaRow>> = {
  'image/png': { extensions: ['png'], isPicture: true },
  // Animated ones have a name of their own, and are served as what every browser knows.
  'image/apng': { extensions: ['png', 'apng'], isPicture: true },
  'image/jpeg': { extensions: ['jpg', 'jpeg'], isPicture: true },
  'image/gif': { extensions: ['gif'], isPicture: true },
  'image/webp': { extensions: ['webp'], isPicture: true },
  'image/avif': { extensions: ['avif'], isPicture: true },
  'application/pdf': { extensions: ['pdf'] },
  'application/zip': { extensions: ['zip'] },
  'text/plain': { extensions: ['txt', 'md', 'csv', 'log', 'json', 'yaml', 'yml'] }
}
const TEXT = 'text/plain'
const SHOWN = 'PNG, JPEG, GIF, WebP, AVIF, PDF, ZIP or plain text'
const PICTURE_EXTENSION = /^(?:png|apng|jpe?g|jfif|gif|webp|avif|svgz?|bmp|ico|tiff?|hei[cf])$/
// So much of a text is looked at; the last character may be cut.
const LONGEST_CHARACTER_BYTES = 4

// Of AVIF every box is compared with all that follow: of 128 KiB that takes 130 ms, in which nobody else is served.
// Its size stands far in front of that.
const MAX_BOXES_BYTES = 8 * 1_024

/** How much of a file `mediaOf` looks at: a photo's size stands after its thumbnail, which is 64 KiB at most. */
export const HEAD_BYTES = 128 * 1_024

/** Whether a browser may show it in place. */
export function isPicture (mediaType: string): boolean {
  return TYPES[mediaType]?.isPicture === true
}

/**
 * What a file is, by its first bytes, never by its name; or what is wrong with it, in words for a client. What says
 * that it is a picture, by its name or its declared type, must be one.
 * @param head HEAD_BYTES of it, or all of it where it has less
 */
export async function mediaOf (head: Uint8Array, name: string, declared: string): Promise<Media | string> {
  const found = await typeOf(head)
  const row = found === undefined ? undefined : TYPES[found]
  if (found === undefined || row === undefined) return `body: must be ${SHOWN}`
  const isSaid = /^image\//i.test(declared) || PICTURE_EXTENSION.test(extensionOf(name))
  if (isSaid && row.isPicture === undefined) return 'body: must be the picture that it says it is'
  const mediaType = found === 'image/apng' ? 'image/png' : found
  const sized = mediaType === 'image/avif' ? head.subarray(0, MAX_BOXES_BYTES) : head
  return { mediaType, extensions: row.extensions, ...row.isPicture === true ? sizeOf(sized) : {} }
}

async function typeOf (head: Uint8Array): Promise<string | undefined> {
  const known = (await fileTypeFromBuffer(head))?.mime
  if (known !== undefined && Object.hasOwn(TYPES, known)) return known
  // XML and the like is text, if nobody shows it as anything else.
  const mayBeText = known === undefined || known === 'application/xml' || known.startsWith('text/')
  return mayBeText && isText(head) ? TEXT : undefined
}

/** UTF-8 without control characters but those of text. */
function isText (head: Uint8Array): boolean {
  // The decoder keeps a last character that is cut for what would come.
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    const text = decoder.decode(head, { stream: head.length > HEAD_BYTES - LONGEST_CHARACTER_BYTES })
    // eslint-disable-next-line no-control-regex -- these are what is looked for
    return !/[\x00-\x08\x0e-\x1f\x7f]/.test(text.replaceAll('\x1b', ''))
  } catch {
    return false
  }
}

function sizeOf (head: Uint8Array): Pick<Media, 'width' | 'height'> {
  try {
    // A copy: it would read beyond the end of a part of a larger buffer.
    const { width, height } = imageSize(Uint8Array.from(head))
    return [width, height].every((pixels) => Number.isSafeInteger(pixels) && pixels > 0) ? { width, height } : {}
  } catch {
    // A browser finds out when it has the whole.
    return {}
  }
}
