import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { Icon } from '../shared/icon.tsx'
import { chosenName, goBy, hasToken, user } from '../shared/link.ts'
import { Avatar } from './avatar.tsx'
import { focusSoon } from './focus.ts'

/** Who we are; in an open gateway, where no token says it, to be chosen. */
export function NameForm (): JSX.Element {
  const field = useRef<HTMLInputElement>(null)
  const isOpen = useSignal(chosenName.value === '')
  const wasOpen = useRef(isOpen.value)
  useLayoutEffect(() => {
    if (isOpen.value && !wasOpen.current) {
      field.current?.focus()
      field.current?.select()
    }
    if (!isOpen.value && wasOpen.current) focusSoon('#rename')
    wasOpen.current = isOpen.value
  }, [isOpen.value])
  if (hasToken()) return <div class='me'><Avatar name={user.value || '?'} /><b>{user.value}</b></div>
  if (!isOpen.value) {
    return (
      <div class='me'>
        <Avatar name={user.value || chosenName.value} /><b class='member-name'>{user.value || chosenName.value}</b>
        <button type='button' class='icon-button' id='rename' aria-label='Change your name' title='Change your name' onClick={() => { isOpen.value = true }}>
          <Icon name='edit' />
        </button>
      </div>
    )
  }
  const submit = (event: Event): void => {
    event.preventDefault()
    // The gateway takes no name that is not shown on one line.
    const name = field.current!.value.replace(/[\p{Cc}\p{Cs}]+/gu, ' ').trim()
    if (name !== chosenName.peek()) goBy(name)
    isOpen.value = name === ''
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || chosenName.peek() === '') return
    event.stopPropagation()
    isOpen.value = false
  }
  return (
    <form id='name-form' class='name-form' onSubmit={submit} onKeyDown={onKeyDown}>
      <label class='field' for='name'>Your name</label>
      <div class='row'>
        <input
          id='name' ref={field} maxLength={64} autocomplete='nickname' spellcheck={false}
          defaultValue={chosenName.value} placeholder={user.value || 'guest'}
        />
        <button class='primary'>Save</button>
      </div>
    </form>
  )
}
