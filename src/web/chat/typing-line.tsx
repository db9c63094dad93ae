import type { JSX } from 'preact'
import type { Conversation } from './conversation.ts'

/** Who writes just now. No live region: it would be told all the time. */
export function TypingLine ({ room }: { readonly room: Conversation }): JSX.Element {
  const names = room.typing.names.value
  const text = names.length === 0
    ? ''
    : names.length > 3 ? `${names.length} people are writing` : `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} writing`
  return <p class='typing' id='typing' data-on={text !== ''}>{text}{text !== '' && <span class='dots' aria-hidden='true'><i /><i /><i /></span>}</p>
}
