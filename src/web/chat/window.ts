import type { Line } from './lines.ts'

/** As many lines as are drawn at most: a page of 3,000 is as quick as one of 200. */
export const MAX_DRAWN = 200
/** While the newest are followed: some screens of them. */
const FOLLOWED = 80
const LOWEST_LINE_PX = 24
const STEP = 60

/** Where to begin to draw: a line's `at`; undefined to follow the newest. */
export type From = number | undefined

/** @param followed how many of the newest, where those are followed */
export function drawn (lines: readonly Line[], from: From, followed = FOLLOWED): readonly Line[] {
  const first = from === undefined ? -1 : lines.findIndex(({ at }) => at >= from)
  if (first !== -1) return lines.slice(first, first + MAX_DRAWN)
  return lines.slice(-followed)
}

/** How many lines can be seen at once at most. */
export function screenful (heightPx: number): number {
  return Math.min(FOLLOWED, Math.ceil(heightPx / LOWEST_LINE_PX) + 1)
}

/** Some lines further up; `from` itself where there are none. */
export function up (lines: readonly Line[], from: From): From {
  const first = from === undefined ? Math.max(0, lines.length - FOLLOWED) : lines.findIndex(({ at }) => at >= from)
  return first <= 0 ? from : lines[Math.max(0, first - STEP)]!.at
}

/** Some lines further down; `from` itself where the newest is drawn. */
export function down (lines: readonly Line[], from: From): From {
  const first = from === undefined ? lines.length : lines.findIndex(({ at }) => at >= from)
  if (first + MAX_DRAWN >= lines.length) return from
  return lines[Math.min(first + STEP, lines.length - MAX_DRAWN)]!.at
}
