import type { JSX } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Icon } from '../shared/icon.tsx'
import { user } from '../shared/link.ts'
import type { Conversation } from './conversation.ts'
import { Entries } from './entries.tsx'
import { OutgoingLine } from './outgoing-line.tsx'
import { down, drawn, type From, up } from './window.ts'

// So near to an end more is drawn.
const NEAR_PX = 600
const BOTTOM_PX = 48

interface Anchor { readonly id: string, readonly top: number }

/** The conversation, of which only a part is drawn; it follows the newest, until somebody scrolls up. */
export function Messages ({ room }: { readonly room: Conversation }): JSX.Element {
  const box = useRef<HTMLDivElement>(null)
  const isFollowing = useRef(true)
  const height = useRef(0)
  const [from, setFrom] = useState<From>(undefined)
  const [isBack, setBack] = useState(false)
  const lines = room.lines.value
  const outgoing = room.outbox.all.value
  const shown = drawn(lines, from)
  const first = shown[0]?.id
  // What is on the screen now, before this is drawn.
  const anchor = box.current === null || isFollowing.current ? undefined : anchorOf(box.current)

  useLayoutEffect(() => {
    if (anchor !== undefined) keepPlace(box.current!, anchor)
  })
  useLayoutEffect(() => {
    if (anchor !== undefined && box.current!.scrollTop < NEAR_PX) void more()
  }, [first])
  useLayoutEffect(() => {
    if (isFollowing.current) box.current!.scrollTop = box.current!.scrollHeight
  }, [lines, outgoing.length])

  /** What needs room below, such as a long draft, takes it from the oldest lines, not from the newest. */
  const follow = (): void => {
    height.current = box.current!.clientHeight
    if (isFollowing.current) box.current!.scrollTop = box.current!.scrollHeight
  }
  useLayoutEffect(() => {
    const resizes = new ResizeObserver(follow)
    resizes.observe(box.current!)
    return () => resizes.disconnect()
  }, [])

  // Who says something sees it.
  const saidBefore = useRef(outgoing.length)
  useLayoutEffect(() => {
    if (outgoing.length > saidBefore.current) toNewest()
    saidBefore.current = outgoing.length
  }, [outgoing.length])

  const more = async (): Promise<void> => {
    const next = up(room.lines.peek(), from)
    if (next !== from) return setFrom(next)
    const before = room.lines.peek()[0]?.at
    await room.loadOlder()
    if (!isFollowing.current) setFrom(up(room.lines.peek(), before))
  }
  const onScroll = (): void => {
    const { scrollTop, scrollHeight, clientHeight } = box.current!
    // Nobody scrolled: the room for it is another.
    if (isFollowing.current && clientHeight !== height.current) return follow()
    const below = scrollHeight - scrollTop - clientHeight
    isFollowing.current = below < BOTTOM_PX && drawn(lines, from).at(-1) === lines.at(-1)
    setBack(!isFollowing.current)
    if (scrollTop < NEAR_PX && !isFollowing.current) void more()
    else if (isFollowing.current) setFrom(undefined)
    else if (below < NEAR_PX) setFrom(down(room.lines.peek(), from))
  }
  const toNewest = (): void => {
    isFollowing.current = true
    setBack(false)
    setFrom(undefined)
    requestAnimationFrame(() => {
      if (box.current !== null) box.current.scrollTop = box.current.scrollHeight
    })
  }

  return (
    <div class='messages-place'>
      <div
        id='messages' class='messages' ref={box} role='log' aria-live='off' aria-label={`Messages in ${room.name}`}
        tabIndex={0} onScroll={onScroll}
      >
        <Past room={room} onMore={() => { void more() }} />
        <ol>
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

/** The first line that can be seen, and where it is. */
function anchorOf (box: HTMLElement): Anchor | undefined {
  const { top } = box.getBoundingClientRect()
  for (const line of box.querySelectorAll('[data-id]')) {
    const place = line.getBoundingClientRect()
    if (place.bottom > top) return { id: line.getAttribute('data-id')!, top: place.top }
  }
  return undefined
}

function keepPlace (box: HTMLElement, { id, top }: Anchor): void {
  const line = [...box.querySelectorAll('[data-id]')].find((one) => one.getAttribute('data-id') === id)
  if (line !== undefined) box.scrollTop += line.getBoundingClientRect().top - top
}

function beginning ({ name, lines: { value: lines } }: Conversation): string {
  if (lines.length === 0) return 'Nothing was said here yet. Say hello!'
  const first = lines.find((line) => line.kind === 'message' && line.seq !== undefined)
  const isFirst = first?.kind !== 'message' || first.seq === 1
  return isFirst ? `This is the beginning of #${name}` : 'What was said before is not kept any more'
}

function Past ({ room, onMore }: { readonly room: Conversation, readonly onMore: () => void }): JSX.Element | null {
  switch (room.past.value) {
    case 'failed': return <p class='past'>Older messages could not be loaded. <button type='button' class='link' onClick={onMore}>Try again</button></p>
    // One button for both: the focus stays on it.
    case 'loading':
    case 'more': return (
      <p class='past'>
        <button type='button' class='link' onClick={onMore}>
          {room.past.value === 'loading' ? 'Loading older messages…' : 'Load older messages'}
        </button>
      </p>
    )
    case 'all': return <p class='past'>{beginning(room)}</p>
    case 'unknown': return room.refused.value === undefined ? <p class='past'>Joining…</p> : null
  }
}
