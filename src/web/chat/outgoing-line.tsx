import type { JSX } from 'preact'
import { status } from '../shared/link.ts'
import { Avatar } from './avatar.tsx'
import { Content } from './content.tsx'
import type { Conversation } from './conversation.ts'
import type { Outgoing } from './outgoing.ts'

/** Something of ours that is under way, or failed. */
export function OutgoingLine ({ room, outgoing, name }: {
  readonly room: Conversation, readonly outgoing: Outgoing, readonly name: string
}): JSX.Element {
  const { key, content, kind, failed } = outgoing
  return (
    <li class={`line outgoing own ${kind} ${failed === undefined ? 'sending' : 'failed'}`} data-id={key}>
      <Avatar name={name} />
      <div class='said'>
        <p class='byline'><b class='from' dir='auto'>{name}</b></p>
        <Content content={content} room={room.name} />
        {failed === undefined
          ? <p class='fate'>{status.value.state === 'online' ? 'Sending…' : 'Waits for the connection'}</p>
          : (
            <p class='fate' role='alert'>
              {failed}{' '}
              <button type='button' class='link' onClick={() => room.retry(outgoing)}>Try again</button>{' '}
              <button type='button' class='link' onClick={() => room.outbox.drop(key)}>Discard</button>
            </p>
            )}
      </div>
    </li>
  )
}
