import type { Line } from './lines.ts'

/** As many lines as are drawn at most: a page of 3,000 is as quick as one of 200. */
export const MAX_DRAWN = 200
const STEP = 60

/** Where to begin to draw: a line's `at`; undefined to follow the newest. */
export type From = number | undefined

export function drawn (lines: readonly Line[], from: From): readonly Line[] {
  const first = from === undefined ? -1 : lines.findIndex(({ at }) => at >= from)
  return first === -1 ? lines.slice(-MAX_DRAWN) : lines.slice(first, first + MAX_DRAWN)
}

/** Some lines further up; `from` itself where there are none. */
export function up (lines: readonly Line[], from: From): From {
  const first = from === undefined ? Math.max(0, lines.length - MAX_DRAWN) : lines.findIndex(({ at }) => at >= from)
  return first <= 0 ? from : lines[Math.max(0, first - STEP)]!.at
}

/** Some lines further down; undefined where the newest is reached. */
export function down (lines: readonly Line[], from: From): From {
  if (from === undefined) return undefined
  const first = lines.findIndex(({ at }) => at >= from) + STEP
  return first + MAX_DRAWN >= lines.length ? undefined : lines[first]!.at
}
