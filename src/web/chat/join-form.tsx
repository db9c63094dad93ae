import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import { Icon } from '../shared/icon.tsx'
import { focusSoon } from './focus.ts'
import { join } from './rooms.ts'

/** A room is there as soon as somebody joins it. */
export function JoinForm ({ onJoined }: { readonly onJoined: () => void }): JSX.Element {
  const field = useRef<HTMLInputElement>(null)
  const wrong = useSignal<string | undefined>(undefined)
  const submit = (event: Event): void => {
    event.preventDefault()
    const name = field.current!.value.trim().replace(/^#/, '')
    if (name === '') return
    wrong.value = join(name)
    if (wrong.value !== undefined) return
    field.current!.value = ''
    onJoined()
    focusSoon('#text')
  }
  return (
    <form id='join-form' onSubmit={submit}>
      <div class='row'>
        <input
          id='join-room' ref={field} aria-label='Create or join a room' placeholder='Create or join a room'
          autocomplete='off' autocapitalize='none' spellcheck={false} maxLength={128}
          aria-invalid={wrong.value !== undefined} aria-describedby='join-wrong'
        />
        <button class='icon-button' aria-label='Create or join' title='Create or join'><Icon name='plus' /></button>
      </div>
      <p id='join-wrong' class='wrong' role='alert'>{wrong.value}</p>
    </form>
  )
}
