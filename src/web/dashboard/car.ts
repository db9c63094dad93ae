import { effect, signal } from '@preact/signals'
import { TidegateError } from '../../client/index.ts'
import { client } from '../shared/link.ts'
import { Track } from './history.ts'
import { Moves } from './moves.ts'
import { Steering } from './steering.ts'

/** Where the car stands; undefined before the gateway said so. */
export const position = signal<number | undefined>(undefined)
/** When that was told, by `Date.now()`. */
export const toldMs = signal<number | undefined>(undefined)
/** How long the last move took, there and back. */
export const moveMs = signal<number | undefined>(undefined)
/** What is the matter with the last move. */
export const trouble = signal('')
/** The last minute of it. */
export const track = new Track()

/** Adds to the position, once, whatever the network does. @returns whether it has moved */
async function move (delta: number): Promise<boolean> {
  const startMs = performance.now()
  try {
    await client.peek().position.move(delta)
    moveMs.value = performance.now() - startMs
    trouble.value = ''
    return true
  } catch (error) {
    const { isUnknown = false, message = String(error) } = error instanceof TidegateError ? error : {}
    trouble.value = `${isUnknown ? 'Perhaps not moved' : 'Not moved'} by ${delta}: ${message}`
    return false
  }
}

const moves = new Moves(move, (isMoved) => steering.settled(isMoved))

/** Buttons and keys. */
export function nudge (delta: number): void {
  moves.add(delta)
}

/** Dragging. */
export const steering = new Steering(moves)

export function follow (): void {
  effect(() => {
    const now = client.value
    trouble.value = ''
    now.position.on('change', (change) => {
      position.value = change.position
      toldMs.value = Date.now()
      track.add(change.position)
    })
    now.position.on('error', ({ message }) => { trouble.value = `The car cannot be followed: ${message}` })
  })
}
