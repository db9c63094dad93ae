import type { Refusal } from '../protocol/codes.ts'
import { Allowance } from './allowance.ts'
import { Strikes } from './rate-limit.ts'
import type { Services } from './services.ts'

const MALFORMED_PER_MINUTE = 10

/** How a client behaves. What it never does is not counted: most connections only listen, and there are many. */
export class Conduct {
  readonly #services: Pick<Services, 'limits' | 'now' | 'userRates'>
  readonly #user: string
  #allowance: Allowance | undefined
  #malformed: Strikes | undefined
  #isPongDue = false

  constructor (services: Pick<Services, 'limits' | 'now' | 'userRates'>, user: string) {
    this.#services = services
    this.#user = user
  }

  /** Counts one request. Undefined where it may be carried out. */
  refuse (bytes: number, isPublish: boolean): Refusal | undefined {
    return this.#allowed.refuse(bytes, isPublish)
  }

  /** One more was refused for its rate. True where the client goes on regardless. */
  isStubborn (): boolean {
    return this.#allowed.isStubborn()
  }

  /** One more was malformed. True where that is too many. */
  isConfused (): boolean {
    this.#malformed ??= new Strikes(MALFORMED_PER_MINUTE, 60_000, this.#services.now)
    return this.#malformed.add()
  }

  pinged (): void {
    this.#isPongDue = true
  }

  /** Counts a ping, or a pong that nobody asked for, as a request: false where there are too many. */
  mayPing (isPong: boolean): boolean {
    const isDue = isPong && this.#isPongDue
    if (isPong) this.#isPongDue = false
    return isDue || this.#allowed.refuse(0, false) === undefined
  }

  get #allowed (): Allowance {
    const { limits, now, userRates } = this.#services
    this.#allowance ??= new Allowance(limits, now, this.#user, userRates)
    return this.#allowance
  }
}
