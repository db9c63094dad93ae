import type { JSX } from 'preact'
import { Icon } from '../shared/icon.tsx'
import { user } from '../shared/link.ts'
import type { Conversation } from './conversation.ts'
import { Entries } from './entries.tsx'
import { OutgoingLine } from './outgoing-line.tsx'
import { Past } from './past.tsx'
import { useReadingPlace } from './reading-place.ts'

/** The conversation, of which only a part is drawn. */
export function Messages ({ room }: { readonly room: Conversation }): JSX.Element {
  const { box, list, shown, isNewestDrawn, isBack, onScroll, more, toNewest } = useReadingPlace(room)
  const outgoing = isNewestDrawn ? room.outbox.all.value : []
  return (
    <div class='messages-place'>
      <div
        id='messages' class='messages' ref={box} role='log' aria-live='off' aria-label={`Messages in ${room.name}`}
        tabIndex={0} onScroll={onScroll}
      >
        <Past room={room} onMore={() => { void more() }} />
        <ol ref={list}>
          <Entries lines={shown} room={room.name} own={user.value} />
          {outgoing.map((one) => <OutgoingLine key={one.key} room={room} outgoing={one} name={user.value || 'you'} />)}
        </ol>
      </div>
      {isBack && (
        <button
          type='button' class='to-newest' id='to-newest'
          onClick={() => {
            toNewest()
            box.current!.focus()
          }}
        >
          <Icon name='down' />To the newest
        </button>
      )}
    </div>
  )
}
