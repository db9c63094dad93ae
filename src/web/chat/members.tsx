import type { JSX } from 'preact'
import { user } from '../shared/link.ts'
import { Avatar } from './avatar.tsx'
import type { Conversation } from './conversation.ts'

/** Who is here, on all replicas. */
export function Members ({ room }: { readonly room: Conversation }): JSX.Element {
  const names = room.present.names.value
  const count = room.present.count.value
  const typing = new Set(room.typing.names.value)
  return (
    <>
      <h2 id='members-title'>{count === 0 ? 'Who is here' : `${count} here`}</h2>
      {room.present.isSecret.value
        ? <p class='soft'>This room does not tell.</p>
        : (
          <ul id='present' class='members'>
            {names.map((name) => (
              <li key={name} data-typing={typing.has(name)}>
                <Avatar name={name} /><span class='member-name' dir='auto'>{name}</span>
                {name === user.value && <span class='soft'>you</span>}
              </li>
            ))}
            {count > names.length && <li class='soft'>and {count - names.length} more</li>}
          </ul>
          )}
    </>
  )
}
