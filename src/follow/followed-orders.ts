import type { Followed } from '../broker/interest.ts'
import type { IdleCheck } from '../log/idle-check.ts'
import { SharedReads } from '../log/shared-reads.ts'
import { RoomSync } from '../log/sync.ts'
import type { Envelope } from '../protocol/entry.ts'
import { CONTROL } from '../protocol/rooms.ts'
import { OrderRoom } from '../session/orders.ts'
import type { FollowParts } from './parts.ts'

/** What all replicas are told to do: a log like any other, without members. */
export class FollowedOrders implements Followed {
  readonly #idleCheck: IdleCheck
  readonly #room: OrderRoom
  readonly #sync: RoomSync

  constructor ({ log, idleCheck, syncCounts, obey }: FollowParts) {
    this.#idleCheck = idleCheck
    this.#room = new OrderRoom(log, obey)
    this.#sync = new RoomSync(log, new SharedReads(log, CONTROL), this.#room, false, syncCounts)
  }

  async start (): Promise<void> {
    this.#idleCheck.add(this.#sync)
    await this.#sync.start()
  }

  receive (envelope: Envelope): void {
    this.#sync.receive(envelope)
  }

  async restore (): Promise<void> {
    await this.#sync.restore()
  }

  stop (): void {
    this.#idleCheck.remove(this.#sync)
    this.#sync.stop()
    this.#room.stop()
  }
}
