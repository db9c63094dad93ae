import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import { Icon } from '../shared/icon.tsx'
import type { Conversation } from './conversation.ts'
import { share } from './uploads.ts'

/** Chooses files to share. */
export function FileButton ({ room }: { readonly room: Conversation }): JSX.Element {
  const input = useRef<HTMLInputElement>(null)
  const chosen = (): void => {
    share(room, [...input.current!.files ?? []])
    input.current!.value = ''
  }
  return (
    <>
      <input id='file' class='unseen' ref={input} type='file' multiple tabIndex={-1} aria-hidden='true' onChange={chosen} />
      <button
        type='button' class='icon-button' id='attach' title='Share a file' aria-label='Share a file'
        onClick={() => input.current!.click()}
      >
        <Icon name='attach' />
      </button>
    </>
  )
}
