import type { JSX } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { Icon } from '../shared/icon.tsx'
import type { Conversation } from './conversation.ts'
import { discovered } from './discover.ts'
import { JoinForm } from './join-form.tsx'
import { active, join, leave, rooms, show } from './rooms.ts'

/** The rooms of this browser, and, where it may ask, others with people in them. */
export function RoomList ({ onChosen }: { readonly onChosen: () => void }): JSX.Element {
  const choose = (room: Conversation): void => {
    show(room)
    onChosen()
  }
  // A room that is left takes the focus with it, and so does one that moves up from the others.
  const before = useRef(rooms.value)
  useLayoutEffect(() => {
    if (rooms.value !== before.current && document.activeElement === document.body) focusCurrent()
    before.current = rooms.value
  }, [rooms.value])
  const mine = new Set(rooms.value.map(({ name }) => name))
  const others = discovered.value.filter(({ room }) => !mine.has(room))
  return (
    <>
      <section aria-labelledby='rooms-title'>
        <h2 id='rooms-title'>Your rooms</h2>
        <ul id='rooms' class='rooms'>
          {rooms.value.map((room) => <RoomItem key={room.name} room={room} onChoose={choose} />)}
        </ul>
        <JoinForm onJoined={onChosen} />
      </section>
      {others.length > 0 && (
        <section aria-labelledby='others-title'>
          <h2 id='others-title'>Others are in</h2>
          <ul id='others' class='rooms'>
            {others.map(({ room, members }) => (
              <li key={room}>
                <button
                  type='button' class='open'
                  onClick={() => {
                    join(room)
                    onChosen()
                  }}
                >
                  <span class='room-name'>{room}</span>
                  <span class='count'>{members}<span class='unseen'> here</span></span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  )
}

function focusCurrent (): void {
  const element = document.querySelector('#rooms .current .open') ?? document.getElementById('join-room')!
  if (element instanceof HTMLElement) element.focus()
}

function RoomItem ({ room, onChoose }: {
  readonly room: Conversation, readonly onChoose: (room: Conversation) => void
}): JSX.Element {
  const unread = room.unread.value
  const isActive = room === active.value
  return (
    <li class={isActive ? 'current' : undefined}>
      <button type='button' class='open' aria-current={isActive ? 'true' : undefined} onClick={() => onChoose(room)}>
        <span class='room-name'>{room.name}</span>
        {unread > 0 && <span class='unread'>{unread > 99 ? '99+' : unread}<span class='unseen'> unread</span></span>}
      </button>
      <button
        type='button' class='leave' aria-label={`Leave ${room.name}`} title={`Leave ${room.name}`}
        onClick={() => leave(room)}
      >
        <Icon name='close' />
      </button>
    </li>
  )
}
