import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import { status } from '../shared/link.ts'
import { nudge, position, steering } from './car.ts'
import { CarPicture } from './car-picture.tsx'
import { middleOf, shareOf, ticksOf, WIDTH } from './road.ts'

const STEPS: Readonly<Record<string, number>> = {
  ArrowRight: 50, ArrowUp: 50, ArrowLeft: -50, ArrowDown: -50, PageUp: 250, PageDown: -250
}

/** The thousand around the car; when it leaves that, the next one comes. A slider: dragged, or moved by keys. */
export function RoadView (): JSX.Element {
  const road = useRef<HTMLDivElement>(null)
  const hold = useRef<{ readonly x: number, readonly at: number, readonly middle: number } | undefined>(undefined)
  const before = useRef<number | undefined>(undefined)
  const at = steering.held.value ?? position.value ?? 0
  const middle = hold.current?.middle ?? middleOf(at)
  const jumps = before.current !== middle || hold.current !== undefined
  before.current = middle

  const onPointerDown = (event: PointerEvent): void => {
    if (position.peek() === undefined || event.button !== 0) return
    (event.currentTarget as Element).setPointerCapture(event.pointerId)
    hold.current = { x: event.clientX, at, middle }
    steering.take(at)
  }
  const onPointerMove = ({ clientX }: PointerEvent): void => {
    if (hold.current === undefined) return
    const target = hold.current.at + (clientX - hold.current.x) / road.current!.clientWidth * WIDTH
    steering.to(Math.min(hold.current.middle + WIDTH / 2, Math.max(hold.current.middle - WIDTH / 2, target)))
  }
  const onPointerUp = (): void => {
    if (hold.current === undefined) return
    hold.current = undefined
    steering.letGo()
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = STEPS[event.key]
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return
    event.preventDefault()
    event.stopPropagation()
    nudge(step)
  }

  return (
    <div class='track' data-stale={status.value.state !== 'online'}>
      <div class='road' ref={road}>
        {ticksOf(middle).map(({ share, label }) => (
          <span key={share} class={label === '' ? 'tick' : 'tick labelled'} style={{ '--at': share }} aria-hidden='true'>{label}</span>
        ))}
        <div
          id='car' class={jumps ? 'car jumps' : 'car'} style={{ '--at': shareOf(at, middle) }}
          role='slider' tabIndex={0} aria-label='The car' aria-valuenow={at} aria-valuemin={middle - WIDTH / 2}
          aria-valuemax={middle + WIDTH / 2} aria-orientation='horizontal'
          onKeyDown={onKeyDown} onPointerDown={onPointerDown} onPointerMove={onPointerMove}
          onPointerUp={onPointerUp} onPointerCancel={onPointerUp}
        >
          <CarPicture />
        </div>
      </div>
    </div>
  )
}
