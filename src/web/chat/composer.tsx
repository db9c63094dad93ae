import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { Icon } from '../shared/icon.tsx'
import type { Conversation } from './conversation.ts'
import { FileButton } from './file-button.tsx'
import { maxFileBytes } from './max-file-bytes.ts'
import { share } from './uploads.ts'

const MAX_HEIGHT_PX = 160

/** Where messages are written: Enter sends, Shift+Enter is a new line. */
export function Composer ({ room }: { readonly room: Conversation }): JSX.Element {
  const field = useRef<HTMLTextAreaElement>(null)
  const isToAll = useSignal(false)
  // Each room has its own draft.
  useLayoutEffect(() => {
    field.current!.value = room.draft
    grow(field.current!)
  }, [room])

  const send = (): void => {
    const text = field.current!.value.trim()
    if (text === '') return
    if (isToAll.value) room.announce(text)
    else room.say(text)
    isToAll.value = false
    field.current!.value = room.draft = ''
    grow(field.current!)
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    // While an input method composes, Enter is its own. Safari has ended that by then, and tells by 229 alone.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return
    event.preventDefault()
    send()
  }
  const onInput = (): void => {
    room.draft = field.current!.value
    grow(field.current!)
    // What goes to everyone is not told as written in here.
    if (room.draft.trim() !== '' && !isToAll.value) room.wrote()
  }
  const onPaste = (event: ClipboardEvent): void => {
    const files = [...event.clipboardData?.files ?? []]
    if (files.length === 0 || maxFileBytes === 0) return
    event.preventDefault()
    share(room, files)
  }

  const label = isToAll.value ? 'Announcement to everyone, in all rooms' : `Message to #${room.name}`
  return (
    <form
      id='send-form' class='composer' data-to-all={isToAll.value}
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      {maxFileBytes > 0 && <FileButton room={room} />}
      <button
        type='button' class='icon-button' id='announce' aria-pressed={isToAll.value} title='Announce to everyone'
        aria-label='Announce to everyone, in all rooms'
        onClick={() => {
          isToAll.value = !isToAll.value
          field.current!.focus()
        }}
      >
        <Icon name='announce' />
      </button>
      <textarea
        id='text' ref={field} rows={1} aria-label={label} placeholder={label} enterkeyhint='send'
        onKeyDown={onKeyDown} onInput={onInput} onPaste={onPaste}
      />
      <button class='primary send' id='send' aria-label='Send' title='Send (Enter)'><Icon name='send' /></button>
    </form>
  )
}

function grow (field: HTMLTextAreaElement): void {
  // Measured in a form that keeps its height: else the messages above would be given room, and move.
  const form = field.form!
  form.style.minHeight = `${form.offsetHeight}px`
  field.style.height = 'auto'
  field.style.height = `${Math.min(MAX_HEIGHT_PX, field.scrollHeight + 2)}px`
  form.style.minHeight = ''
}
