import type { JSX } from 'preact'
import { status } from '../shared/link.ts'
import type { Conversation } from './conversation.ts'
import { drop, retry, type Upload, uploads } from './uploads.ts'

/** What is shared just now, and how far it is. */
export function UploadList ({ room }: { readonly room: Conversation }): JSX.Element | null {
  const here = uploads.value.filter((upload) => upload.room === room.name)
  if (here.length === 0) return null
  return (
    <ul class='uploads' aria-label='Files on their way'>
      {here.map((upload) => (
        <li key={upload.key} class={upload.failed === undefined ? '' : 'failed'}>
          <span class='upload-name'>{nameOf(upload)}</span>
          {upload.failed === undefined ? <UnderWay upload={upload} /> : <Failed upload={upload} />}
        </li>
      ))}
    </ul>
  )
}

function UnderWay ({ upload }: { readonly upload: Upload }): JSX.Element {
  return (
    <>
      {status.value.state === 'online'
        ? <progress max={1} value={upload.share} aria-label={`${nameOf(upload)}: sent so far`} />
        : <span>Waits for the connection</span>}
      <button type='button' class='link' aria-label={`Cancel ${nameOf(upload)}`} onClick={() => drop(upload)}>Cancel</button>
    </>
  )
}

function Failed ({ upload }: { readonly upload: Upload }): JSX.Element {
  return (
    <span role='alert'>
      {upload.failed}{' '}
      {upload.isFinal !== true && <button type='button' class='link' onClick={() => retry(upload)}>Try again</button>}{' '}
      <button type='button' class='link' onClick={() => drop(upload)}>Discard</button>
    </span>
  )
}

function nameOf ({ file }: Upload): string {
  return file.name || 'pasted picture'
}
