import type { Refusal } from '../protocol/codes.ts'
import { Allowance } from './allowance.ts'
import { type Clock, Strikes } from './rate-limit.ts'
import type { Services } from './services.ts'

const MALFORMED_PER_MINUTE = 10

/** How a client behaves that has asked for something: most only listen, and there are many. */
export class Conduct {
  readonly #now: Clock
  readonly #allowance: Allowance
  #malformed: Strikes | undefined

  constructor ({ limits, now, userRates }: Pick<Services, 'limits' | 'now' | 'userRates'>, user: string) {
    this.#now = now
    this.#allowance = new Allowance(limits, now, user, userRates)
  }

  /** Counts one request, or a ping. Undefined where it may be carried out. */
  refuse (bytes: number, isPublish: boolean): Refusal | undefined {
    return this.#allowance.refuse(bytes, isPublish)
  }

  /** One more was refused for its rate. True where the client goes on regardless. */
  isStubborn (): boolean {
    return this.#allowance.isStubborn()
  }

  /** One more was malformed. True where that is too many. */
  isConfused (): boolean {
    this.#malformed ??= new Strikes(MALFORMED_PER_MINUTE, 60_000, this.#now)
    return this.#malformed.add()
  }
}
