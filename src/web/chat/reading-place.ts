import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Conversation } from './conversation.ts'
import type { Line } from './lines.ts'
import { down, drawn, type From, screenful, up } from './window.ts'

// So near to an end more is drawn.
const NEAR_PX = 600
const BOTTOM_PX = 48
const CALM_MS = 100
const MANY = 20

type Box = RefObject<HTMLElement | null>
interface Flag { readonly current: boolean }

interface Anchor { readonly id: string, readonly top: number }

interface ReadingPlace {
  /** What scrolls, and the list in it. */
  readonly box: RefObject<HTMLDivElement | null>
  readonly list: RefObject<HTMLOListElement | null>
  /** The lines to draw. */
  readonly shown: readonly Line[]
  readonly isNewestDrawn: boolean
  /** Further up than at the newest. */
  readonly isBack: boolean
  onScroll (): void
  /** Draws, or loads, what is older. */
  more (): Promise<void>
  toNewest (): void
}

/** Where somebody reads: at the newest, which is followed, or further up, where what is seen stays where it is. */
export function useReadingPlace (room: Conversation): ReadingPlace {
  const box = useRef<HTMLDivElement>(null)
  const list = useRef<HTMLOListElement>(null)
  const heightPx = useRef(innerHeight)
  const isFollowing = useRef(true)
  const [from, setFrom] = useState<From>(undefined)
  const [isBack, setBack] = useState(false)
  const lines = room.lines.value
  const outgoing = room.outbox.all.value
  const shown = drawn(lines, from, useBurst(lines) ? screenful(heightPx.current) : undefined)
  // Who reads back has a first line that stays, however much comes.
  const begin = from ?? shown[0]?.at
  const isNewestDrawn = shown.at(-1) === lines.at(-1)
  const follow = (): void => {
    const { current } = box
    if (current === null || !isFollowing.current) return
    current.scrollTop = current.scrollHeight
    heightPx.current = current.clientHeight
  }
  const toNewest = (): void => {
    isFollowing.current = true
    setBack(false)
    setFrom(undefined)
    follow()
  }
  const more = async (): Promise<void> => {
    const next = up(room.lines.peek(), begin)
    if (next !== begin || !isFollowing.current) setFrom(next)
    if (next !== begin) return
    const before = room.lines.peek()[0]?.at
    await room.loadOlder()
    if (!isFollowing.current) setFrom(up(room.lines.peek(), before))
  }
  const onScroll = (): void => {
    const { scrollTop, scrollHeight, clientHeight } = box.current!
    // Nobody has scrolled: the room for it has changed.
    if (isFollowing.current && clientHeight !== heightPx.current) return follow()
    const below = scrollHeight - scrollTop - clientHeight
    isFollowing.current = below < BOTTOM_PX && isNewestDrawn
    setBack(!isFollowing.current)
    if (isFollowing.current) setFrom(undefined)
    else if (scrollTop < NEAR_PX) void more()
    else setFrom(below < NEAR_PX ? down(room.lines.peek(), begin) : begin)
  }

  useLayoutEffect(follow, [shown, outgoing])
  useResizes([box, list], follow)
  const anchor = useAnchor(box, isFollowing)
  useLayoutEffect(() => {
    if (anchor !== undefined && box.current!.scrollTop < NEAR_PX) void more()
  }, [shown[0]?.id])
  const written = useRef(outgoing.length)
  useLayoutEffect(() => {
    if (outgoing.length > written.current) toNewest()
    written.current = outgoing.length
  }, [outgoing])
  return { box, list, shown, isNewestDrawn, isBack, onScroll, more, toNewest }
}

/** Whether many came at once: what is further up is drawn when it is calm again, or this frame would take too long. */
function useBurst (lines: readonly Line[]): boolean {
  const last = lines.at(-1)?.at ?? -1
  const drawnTo = useRef(-1)
  const [, drawAll] = useState(0)
  const isBurst = last - drawnTo.current > MANY
  useEffect(() => {
    drawnTo.current = last
    if (!isBurst) return
    const timer = setTimeout(() => drawAll((times) => times + 1), CALM_MS)
    return () => clearTimeout(timer)
  }, [last])
  return isBurst
}

/** A keyboard that slides in, a longer draft, a banner: each takes room from the newest. */
function useResizes (boxes: readonly Box[], onResize: () => void): void {
  // An effect of this moment: a box that goes has no size, which would be told.
  useLayoutEffect(() => {
    const resizes = new ResizeObserver(onResize)
    for (const { current } of boxes) resizes.observe(current!)
    return () => resizes.disconnect()
  }, [])
}

/** Keeps what is on the screen where it is, whatever is drawn before it. Undefined while the newest is followed. */
function useAnchor (box: Box, isFollowing: Flag): Anchor | undefined {
  const anchor = box.current === null || isFollowing.current ? undefined : anchorOf(box.current)
  useLayoutEffect(() => {
    if (anchor !== undefined) keepPlace(box.current!, anchor)
  })
  return anchor
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
