import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { Icon } from '../shared/icon.tsx'
import { Composer } from './composer.tsx'
import type { Conversation } from './conversation.ts'
import { maxFileBytes } from './max-file-bytes.ts'
import { Members } from './members.tsx'
import { Messages } from './messages.tsx'
import { TypingLine } from './typing-line.tsx'
import { UploadList } from './upload-list.tsx'
import { share } from './uploads.ts'

interface ViewProps {
  readonly room: Conversation
  readonly isAside: boolean
  readonly onMembers: () => void
}

/** One room, whole; files can be dropped anywhere on it. */
export function ConversationView ({ room, isAside, onMembers }: ViewProps): JSX.Element {
  const isDragged = useSignal(false)
  const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true
  const onDrop = (event: DragEvent): void => {
    if (!hasFiles(event)) return
    event.preventDefault()
    isDragged.value = false
    if (maxFileBytes > 0) share(room, [...event.dataTransfer!.files])
  }
  const onDragOver = (event: DragEvent): void => {
    if (!hasFiles(event)) return
    // Also where none are shared: a browser would leave the chat to show it.
    event.preventDefault()
    if (maxFileBytes === 0) event.dataTransfer!.dropEffect = 'none'
    else isDragged.value = true
  }
  const onDragLeave = ({ relatedTarget, currentTarget }: DragEvent): void => {
    if (!(relatedTarget instanceof Node) || !(currentTarget as Node).contains(relatedTarget)) isDragged.value = false
  }
  const count = room.present.count.value
  return (
    <div class='view' data-dragged={isDragged.value} onDrop={onDrop} onDragOver={onDragOver} onDragLeave={onDragLeave}>
      <div class='talk'>
        <div class='talk-head'>
          <h1 id='room'>{room.name}</h1>
          <button
            type='button' class='people' id='people' aria-expanded={isAside} aria-controls='members-side' onClick={onMembers}
            aria-label={`Who is here${count > 0 ? `: ${count}` : ''}`}
          >
            <Icon name='people' />{count > 0 && <span>{count}</span>}
          </button>
        </div>
        {room.refused.value !== undefined && <p class='banner' data-tone='bad' role='alert'>You cannot be in this room: {room.refused.value}.</p>}
        <Messages room={room} />
        <UploadList room={room} />
        <TypingLine room={room} />
        <Composer room={room} />
      </div>
      <aside class='side members-side' id='members-side' aria-labelledby='members-title' tabIndex={0}>
        <Members room={room} />
      </aside>
      {isDragged.value && <p class='drop-here' aria-hidden='true'>Drop it to share it in #{room.name}</p>}
    </div>
  )
}
