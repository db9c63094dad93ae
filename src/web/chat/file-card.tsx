import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { Icon } from '../shared/icon.tsx'
import { linkOf } from './file-links.ts'
import { sizeText, type SharedFile } from './shared-file.ts'

const PICTURES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif']
const MAX_WIDTH = 360
const MAX_HEIGHT = 260

/** A picture at a size that is known before it is loaded; anything else to download. */
export function FileCard ({ file, room }: { readonly file: SharedFile, readonly room: string }): JSX.Element {
  const isBroken = useSignal(false)
  const link = linkOf(room)
  const { name, mediaType, bytes, width = 0, height = 0 } = file
  const isSized = [width, height].every((pixels) => Number.isSafeInteger(pixels) && pixels > 0)
  const url = link === undefined ? undefined : link === '' ? file.url : `${file.url}?${link}`
  const size = `${name} · ${sizeText(bytes)}`
  if (!PICTURES.includes(mediaType) || !isSized || isBroken.value) {
    // The name that it is saved under is the gateway's, whose ending says what it is, not one of the message's.
    return (
      <a class='file' href={url} download='' target='_blank' rel='noopener noreferrer'>
        <Icon name='file' /><span><b dir='auto'>{name}</b><small>{sizeText(bytes)} · {mediaType}</small></span>
      </a>
    )
  }
  const scale = Math.min(1, MAX_WIDTH / width, MAX_HEIGHT / height)
  return (
    <a class='picture' href={url} target='_blank' rel='noopener noreferrer' title={size}>
      <img
        src={url} alt={name} loading='lazy' decoding='async'
        width={Math.max(1, Math.round(width * scale))} height={Math.max(1, Math.round(height * scale))}
        onError={() => { isBroken.value = true }}
      />
    </a>
  )
}
