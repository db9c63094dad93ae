import type { Page } from '../hub/room.ts'
import type { Log } from '../log/log.ts'
import type { Position } from '../position/position.ts'
import { stillEntry } from '../position/still.ts'
import { BrokerError } from '../protocol/codes.ts'
import type { Cursor } from '../protocol/cursor.ts'
import { FollowedLog } from './followed-log.ts'
import type { FollowParts, FollowRule } from './parts.ts'

/** Who followed the car when its log was lost is told where it stands now, though nothing moved it. */
export class FollowedCar extends FollowedLog {
  readonly #log: Log
  readonly #position: Position
  // Whoever shares a read shares this, too.
  readonly #withCars = new WeakMap<Page, Promise<Page>>()

  constructor (name: string, parts: FollowParts, rule: FollowRule) {
    super(name, parts, rule)
    this.#log = parts.log
    this.#position = parts.position
  }

  override async after (place: Cursor): Promise<Page> {
    const page = await super.after(place)
    let completed = this.#withCars.get(page)
    if (completed === undefined) this.#withCars.set(page, completed = this.#withCar(page))
    return await completed
  }

  async #withCar (page: Page): Promise<Page> {
    if (page.gap === undefined || page.top.seq > 0) return page
    try {
      const still = await stillEntry(this.#position, this.#log, page.top)
      return still === undefined ? page : { ...page, entries: [still] }
    } catch (error) {
      // Redis is gone again. The next one who asks is told.
      if (!(error instanceof BrokerError)) throw error
      return page
    }
  }
}
