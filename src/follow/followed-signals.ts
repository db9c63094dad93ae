import type { Followed } from '../broker/interest.ts'
import type { Hub } from '../hub/hub.ts'
import { PresenceFeed } from '../hub/presence-feed.ts'
import type { Backlog, Room } from '../hub/room.ts'
import type { Envelope } from '../protocol/entry.ts'
import type { FollowParts, FollowRule } from './parts.ts'

/** Of a room without a log: its members never ask. */
const NO_LOG: Backlog = {
  after: noLog, page: noLog, newest: noLog, top: noLog
}

async function noLog (): Promise<never> {
  throw new Error('a live room has no log')
}

/** A `live` room: what is said there is said once. */
export class FollowedSignals implements Followed {
  readonly #hub: Hub
  readonly #room: Room
  readonly #feed: PresenceFeed

  constructor (name: string, { hub }: FollowParts, { kind, retention, presenceMergeAbove }: FollowRule) {
    this.#hub = hub
    this.#room = hub.open(name, kind, NO_LOG, retention)
    this.#feed = new PresenceFeed(this.#room, presenceMergeAbove)
  }

  async start (): Promise<void> {}

  receive (envelope: Envelope): void {
    if (envelope.kind === 'presence') this.#feed.tell(envelope.change)
    else if (envelope.kind === 'signal') this.#room.signal(envelope.signal)
  }

  async restore (): Promise<void> {
    this.#room.restored()
  }

  stop (): void {
    this.#feed.stop()
    this.#hub.close(this.#room.name)
  }
}
