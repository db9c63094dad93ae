import { Gate } from './gate.ts'

const MAX_IN_FLIGHT = 256
const MAX_HEAVY = 4

export interface FlowListener {
  /** False while replies wait to be sent: what is asked for is not made before it can be. */
  mayBegin (): boolean
  /** A request has come or gone: `isFull` may have changed. */
  onChange (): void
}

/**
 * When the requests of one connection are carried out: what concerns one room in the order in which it was asked,
 * requests for up to a megabyte a few at a time, and none while replies wait.
 */
export class Flow {
  readonly #listener: FlowListener
  // These are made when they are needed: most connections only listen.
  #heavy: Gate | undefined
  // Per room, the end of the chain of what was asked of it: a sender's requests keep their order.
  #chains: Map<string, Promise<void>> | undefined
  #parked: Array<() => void> | undefined
  #inFlight = 0
  #onIdle: (() => void) | undefined

  constructor (listener: FlowListener) {
    this.#listener = listener
  }

  /** As many requests are under way as may be. */
  get isFull (): boolean {
    return this.#inFlight >= MAX_IN_FLIGHT
  }

  /**
   * Every message comes through here: each `async` on the way of one that need not wait would cost it a promise more.
   * @param task carries out one request; it never rejects
   */
  run (room: string | undefined, isHeavy: boolean, task: () => Promise<void>): Promise<void> {
    this.#inFlight++
    this.#listener.onChange()
    const begin = isHeavy ? () => this.#throughGate(task) : () => this.#whenAllowed(task)
    const before = room === undefined ? undefined : this.#chains?.get(room)
    const link = before === undefined ? begin() : before.then(begin)
    if (room !== undefined) (this.#chains ??= new Map<string, Promise<void>>()).set(room, link)
    return link.then(() => this.#ended(room, link))
  }

  #ended (room: string | undefined, link: Promise<void>): void {
    this.#inFlight--
    if (room !== undefined && this.#chains?.get(room) === link) this.#chains.delete(room)
    if (this.#inFlight === 0) this.#chains = undefined
    this.#listener.onChange()
    if (this.#inFlight === 0) this.#onIdle?.()
  }

  /** Resolves when nothing is under way. */
  async idle (): Promise<void> {
    if (this.#inFlight > 0) await new Promise<void>((resolve) => { this.#onIdle = resolve })
  }

  /** `mayBegin` may have become true. */
  resume (): void {
    const parked = this.#parked
    this.#parked = undefined
    for (const goOn of parked ?? []) goOn()
  }

  async #throughGate (task: () => Promise<void>): Promise<void> {
    const heavy = this.#heavy ??= new Gate(MAX_HEAVY)
    await heavy.enter()
    await this.#whenAllowed(task)
    heavy.leave()
  }

  /** Resolves when something may begin. */
  async allowed (): Promise<void> {
    while (!this.#listener.mayBegin()) await new Promise<void>((resolve) => { (this.#parked ??= []).push(resolve) })
  }

  #whenAllowed (task: () => Promise<void>): Promise<void> {
    // In the same turn, where nothing is in the way.
    return this.#listener.mayBegin() ? task() : this.#later(task)
  }

  async #later (task: () => Promise<void>): Promise<void> {
    while (!this.#listener.mayBegin()) await this.allowed()
    await task()
  }
}
