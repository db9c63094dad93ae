import { Fragment, type JSX } from 'preact'
import type { Conversation } from './conversation.ts'

const MAX_NAMES = 3

/** Who writes just now. No live region: it would be told all the time. */
export function TypingLine ({ room }: { readonly room: Conversation }): JSX.Element {
  const names = room.typing.names.value
  const isOn = names.length > 0
  return (
    <p class='typing' id='typing' data-on={isOn}>
      {names.length > MAX_NAMES ? `${names.length} people` : names.map((name, index) => <Fragment key={name}>{index > 0 && ', '}<bdi>{name}</bdi></Fragment>)}
      {isOn && (names.length === 1 ? ' is writing' : ' are writing')}
      {isOn && <span class='dots' aria-hidden='true'><i /><i /><i /></span>}
    </p>
  )
}
