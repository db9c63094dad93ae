import type { JSX } from 'preact'
import { dayText, isAnotherDay } from './days.ts'
import type { Line, Said } from './lines.ts'
import { MessageLine } from './message-line.tsx'

// After a while the name is shown again.
const PAUSE_MS = 5 * 60_000

/** The lines, with a line of its own where a day begins. */
export function Entries ({ lines, room, own }: {
  readonly lines: readonly Line[], readonly room: string, readonly own: string
}): JSX.Element {
  const entries: JSX.Element[] = []
  let before: Said | undefined
  for (const line of lines) {
    if (line.kind === 'gap') {
      entries.push(<li key={line.id} class='gap-line' data-id={line.id}><span>{line.text}</span></li>)
      continue
    }
    const isNewDay = isAnotherDay(before?.timestamp, line.timestamp)
    if (isNewDay) entries.push(<li key={`day-${line.id}`} class='day'><span>{dayText(line.timestamp)}</span></li>)
    const isContinued = !isNewDay && isContinuation(before, line)
    const isOwn = line.from === own
    entries.push(<MessageLine key={line.id} said={line} room={room} isOwn={isOwn} isContinued={isContinued} />)
    before = line
  }
  return <>{entries}</>
}

function isContinuation (before: Said | undefined, line: Said): boolean {
  return before !== undefined && before.from === line.from && before.kind === 'message' && line.kind === 'message' &&
    Date.parse(line.timestamp) - Date.parse(before.timestamp) < PAUSE_MS
}
