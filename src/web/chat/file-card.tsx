import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { Icon } from '../shared/icon.tsx'
import { status } from '../shared/link.ts'
import { linkOf } from './file-links.ts'
import { sizeText, type SharedFile } from './shared-file.ts'

const PICTURES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif']
const MAX_WIDTH = 360
const MAX_HEIGHT = 260

interface CardProps {
  readonly file: SharedFile
  /** Undefined while what opens it is asked for. */
  readonly url: string | undefined
}

/** A picture at a size that is known before it is loaded; anything else to download. */
export function FileCard ({ file, room }: { readonly file: SharedFile, readonly room: string }): JSX.Element {
  const query = linkOf(room)
  const url = query === undefined ? undefined : file.url + query
  const { mediaType, width = 0, height = 0 } = file
  const isSized = [width, height].every((pixels) => Number.isSafeInteger(pixels) && pixels > 0)
  const isPicture = PICTURES.includes(mediaType) && isSized
  return isPicture ? <Picture file={file} url={url} size={[width, height]} /> : <Download file={file} url={url} />
}

/** The name that it is saved under is the gateway's, whose ending says what it is, not one of the message's. */
function Download ({ file: { name, mediaType, bytes }, url }: CardProps): JSX.Element {
  return (
    <a class='file' href={url} download='' target='_blank' rel='noopener noreferrer'>
      <Icon name='file' /><span><b dir='auto'>{name}</b><small>{sizeText(bytes)} · {mediaType}</small></span>
    </a>
  )
}

interface PictureProps extends CardProps { readonly size: readonly [width: number, height: number] }

function Picture ({ file, url, size: [width, height] }: PictureProps): JSX.Element {
  const isBroken = useSignal(false)
  // Links change every few minutes, and with each the picture would be loaded again.
  const loaded = useRef<string | undefined>(undefined)
  const isOnline = status.value.state === 'online'
  // It may have been the network, or the link. At once, or what broke meanwhile would be forgotten.
  useLayoutEffect(() => { isBroken.value = false }, [url, isOnline])
  if (isBroken.value) return <Download file={file} url={url} />
  const { name, bytes } = file
  const scale = Math.min(1, MAX_WIDTH / width, MAX_HEIGHT / height)
  return (
    <a class='picture' href={url} target='_blank' rel='noopener noreferrer' title={`${name} · ${sizeText(bytes)}`}>
      <img
        src={loaded.current ?? url} alt={name} loading='lazy' decoding='async'
        width={Math.max(1, Math.round(width * scale))} height={Math.max(1, Math.round(height * scale))}
        onLoad={() => { loaded.current ??= url }} onError={() => { isBroken.value = true }}
      />
    </a>
  )
}
