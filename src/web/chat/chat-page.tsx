import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { AskToken } from '../shared/ask-token.tsx'
import { Banner } from '../shared/banner.tsx'
import { Icon } from '../shared/icon.tsx'
import { Shell } from '../shared/shell.tsx'
import { ConversationView } from './conversation-view.tsx'
import { focusSoon } from './focus.ts'
import { NameForm } from './name-form.tsx'
import { news } from './news.ts'
import { RoomList } from './room-list.tsx'
import { active, unread } from './rooms.ts'

/** The chat: rooms to the left, the conversation, who is here to the right; on a phone the sides slide in. */
export function ChatPage (): JSX.Element {
  const side = useSignal<'rooms' | 'members' | undefined>(undefined)
  const close = (): void => {
    if (side.peek() !== undefined) focusSoon(side.peek() === 'rooms' ? '#menu' : '#people')
    side.value = undefined
  }
  const toggle = (which: 'rooms' | 'members'): void => {
    side.value = side.value === which ? undefined : which
    if (side.value === 'members') focusSoon('#members-side')
  }
  useEffect(() => {
    const onKey = ({ key }: KeyboardEvent): void => { if (key === 'Escape') close() }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
  const room = active.value
  return (
    <Shell page='chat' before={<MenuButton isOpen={side.value === 'rooms'} onClick={() => toggle('rooms')} />}>
      <main class='chat' data-side={side.value}>
        <aside class='side rooms-side' id='rooms-side' aria-label='Rooms'>
          <div class='scrolls'><RoomList onChosen={close} /></div>
          <NameForm />
        </aside>
        <section class='conversation' id='main' tabIndex={-1} aria-label='Conversation'>
          <Banner waiting='What you write is sent as soon as it is back.' />
          <AskToken />
          {room === undefined
            ? <p class='empty'>You are in no room. Create one, or join one, in the list of rooms.</p>
            : <ConversationView key={room.name} room={room} isAside={side.value === 'members'} onMembers={() => toggle('members')} />}
        </section>
        {side.value !== undefined && <button type='button' class='veil' aria-label='Close' onClick={close} />}
      </main>
      <p class='unseen' role='status' id='news'>{news.text}</p>
    </Shell>
  )
}

function MenuButton ({ isOpen, onClick }: { readonly isOpen: boolean, readonly onClick: () => void }): JSX.Element {
  return (
    <button
      type='button' class='icon-button menu' id='menu' aria-expanded={isOpen} aria-controls='rooms-side'
      aria-label={`Rooms${unread.value > 0 ? `, ${unread.value} unread` : ''}`} onClick={onClick}
    >
      <Icon name='menu' />
      {unread.value > 0 && <span class='dot' />}
    </button>
  )
}
