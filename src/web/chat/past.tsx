import type { JSX } from 'preact'
import type { Conversation } from './conversation.ts'
import { MAX_LINES } from './lines.ts'

interface PastProps { readonly room: Conversation, readonly onMore: () => void }

/** What is above the oldest line that is here. */
export function Past ({ room, onMore }: PastProps): JSX.Element | null {
  const state = room.past.value
  switch (state) {
    case 'more':
    case 'loading':
    case 'failed': return <Older state={state} onMore={onMore} />
    case 'all': return <p class='past'>{beginningOf(room)}</p>
    case 'full': return <p class='past'>This page keeps the newest {MAX_LINES} messages</p>
    case 'unknown': return room.refused.value === undefined ? <p class='past'>Joining…</p> : null
  }
}

interface OlderProps { readonly state: 'more' | 'loading' | 'failed', readonly onMore: () => void }

const LABELS = { more: 'Load older messages', loading: 'Loading older messages…', failed: 'Try again' }

/** One button all the time, which keeps the focus. */
function Older ({ state, onMore }: OlderProps): JSX.Element {
  return (
    <p class='past'>
      {state === 'failed' && 'Older messages could not be loaded. '}
      <button type='button' class='link' aria-disabled={state === 'loading'} onClick={onMore}>{LABELS[state]}</button>
    </p>
  )
}

function beginningOf ({ name, lines: { value: lines } }: Conversation): string {
  const first = lines.find((line) => line.kind === 'message')
  if (first?.kind !== 'message') return 'Nothing was said here yet. Say hello!'
  if (first.seq === undefined) return 'This room keeps nothing: here is what came since you joined it'
  return first.seq === 1 ? `This is the beginning of #${name}` : 'What was said before is not kept any more'
}
