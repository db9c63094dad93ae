/** How much of the road is seen at once. */
export const WIDTH = 1000
/** From here on labels would not fit beside each other: there are fewer, and they count from the middle. */
const LONG = 100_000

export interface Tick { readonly share: number, readonly label: string }

/** The middle of the thousand that a position is in. */
export function middleOf (position: number): number {
  return Math.round(position / WIDTH) * WIDTH
}

export function shareOf (position: number, middle: number): number {
  return (position - middle) / WIDTH + 0.5
}

export function ticksOf (middle: number): Tick[] {
  const every = Math.abs(middle) < LONG ? 200 : 400
  return Array.from({ length: 11 }, (_, index) => {
    const offset = (index - 5) * (WIDTH / 10)
    return { share: offset / WIDTH + 0.5, label: offset % every === 0 ? name(middle, offset) : '' }
  })
}

function name (middle: number, offset: number): string {
  const isRelative = Math.abs(middle) >= LONG && offset !== 0
  const text = isRelative ? (offset > 0 ? `+${offset}` : String(offset)) : String(middle + offset)
  return text.replace('-', '−')
}
