import type { JSX } from 'preact'
import { memo } from 'preact/compat'
import { Icon } from '../shared/icon.tsx'
import { Avatar } from './avatar.tsx'
import { Content } from './content.tsx'
import { timeText, wholeText } from './days.ts'
import type { Said } from './lines.ts'

interface MessageLineProps {
  readonly said: Pick<Said, 'id' | 'kind' | 'from' | 'content' | 'timestamp'>
  readonly room: string
  readonly isOwn: boolean
  /** The one before is of the same person, a moment ago. */
  readonly isContinued: boolean
}

/** One message; it never changes, so it is drawn once. */
export const MessageLine = memo(({ said, room, isOwn, isContinued }: MessageLineProps): JSX.Element => {
  const { id, kind, from, content, timestamp } = said
  const classes = ['line', kind, isOwn && 'own', isContinued && 'continued'].filter((name) => name !== false).join(' ')
  return (
    <li class={classes} data-id={id}>
      {kind === 'announcement' ? <span class='avatar megaphone'><Icon name='announce' /></span> : <Avatar name={from} />}
      <div class='said'>
        <p class='byline'>
          <b class='from' dir='auto'>{from}</b>
          {kind === 'announcement' && <span class='to-all'>to everyone</span>}
          <time dateTime={timestamp} title={wholeText(timestamp)}>{timeText(timestamp)}</time>
        </p>
        <Content content={content} room={room} />
      </div>
    </li>
  )
})
