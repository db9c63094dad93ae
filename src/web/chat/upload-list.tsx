import type { JSX } from 'preact'
import type { Conversation } from './conversation.ts'
import { drop, retry, uploads } from './uploads.ts'

/** What is shared just now, and how far it is. */
export function UploadList ({ room }: { readonly room: Conversation }): JSX.Element | null {
  const here = uploads.value.filter((upload) => upload.room === room)
  if (here.length === 0) return null
  return (
    <ul class='uploads' aria-label='Files on their way'>
      {here.map((upload) => (
        <li key={upload.key} class={upload.failed === undefined ? '' : 'failed'}>
          <span class='upload-name'>{upload.file.name || 'pasted picture'}</span>
          {upload.failed === undefined
            ? <progress max={1} value={upload.share} aria-label={`${upload.file.name}: sent so far`} />
            : (
              <span role='alert'>
                {upload.failed}{' '}
                {upload.isFinal !== true && (
                  <button type='button' class='link' onClick={() => retry(upload)}>Try again</button>
                )}{' '}
                <button type='button' class='link' onClick={() => drop(upload)}>Discard</button>
              </span>
              )}
        </li>
      ))}
    </ul>
  )
}
