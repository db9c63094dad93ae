import cluster, { type Worker } from 'node:cluster'

/** The argument by which a process knows that it is a worker of ours, and not of a process manager's cluster. */
export const WORKER = 'worker'

/** What a worker is told: to end, as all do, or as the one whose place is taken by a new one. */
export interface EndOrder { readonly end: 'all' | 'one', readonly drainMs: number }
/** What a worker tells: why it cannot start. */
interface StartProblems { readonly problems: readonly string[] }

/** As much of pino as is asked for here. */
interface Logger {
  info (fields: object, message: string): void
  error (fields: object, message: string): void
}

interface WorkersOptions {
  readonly count: number
  /** The name of the worker in a place, from 1 on. */
  readonly nameOf: (place: number) => string
  readonly drainMs: number
  /** One that is told to end and has not after so long is killed. */
  readonly endMs: number
  readonly logger: Logger
  /** All listen; again only where the port is another one. */
  readonly onListening: (port: number) => void
  /** There is no use in going on: this process is to end. */
  readonly onFailure: (problems: readonly string[]) => void
}

interface Handle { close (): void }
interface Sender { send: (message: unknown, handle?: Handle, ...more: unknown[]) => boolean }

interface Place {
  readonly number: number
  worker: Worker | undefined
  name: string
  state: 'starting' | 'listening' | 'leaving' | 'ended'
  /** Of how many restarts it has seen the last. */
  generation: number
  problems: readonly string[] | undefined
  /** Of the ends that nobody asked for. */
  endsMs: number[]
  /** Until it is started again, or killed. */
  timer: NodeJS.Timeout | undefined
}

const LEAST_DELAY_MS = 100
const MOST_DELAY_MS = 5_000
const REMEMBERED_MS = 60_000
const FAILED_STARTS = 5

/** The primary's side: the processes that share the port, each a replica. */
export class Workers {
  readonly #options: WorkersOptions
  readonly #places: Place[]
  #generation = 0
  #isRolling = false
  #isEnding = false
  #endedBadly = false
  #port: number | undefined
  /** When workers ended that had not listened. */
  #failedStartsMs: number[] = []
  #onAllEnded: () => void = () => {}

  constructor (options: WorkersOptions) {
    this.#options = options
    this.#places = Array.from({ length: options.count }, (_, index) => ({
      number: index + 1,
      worker: undefined,
      name: '',
      state: 'ended',
      generation: 0,
      problems: undefined,
      endsMs: [],
      timer: undefined
    }))
  }

  start (): void {
    // Left to the kernel, most connections go to a few of the processes.
    cluster.schedulingPolicy = cluster.SCHED_RR
    cluster.setupPrimary({ args: [WORKER] })
    for (const place of this.#places) this.#fork(place)
  }

  /** Puts a new one in the place of each, one after the other: each drains while all the others serve. */
  restart (): void {
    this.#generation++
    this.#isRolling = true
    this.#options.logger.info({}, 'restarting the workers, one after the other')
    this.#goOn()
  }

  /**
   * Ends all at once, each draining.
   * @throws where one did not end in order
   */
  async stop (drainMs: number): Promise<void> {
    this.#isEnding = true
    for (const place of this.#places) {
      if (place.state === 'ended') clearTimeout(place.timer)
      // It serves nobody yet, and does not hear yet what it is told.
      else if (place.state === 'starting') place.worker!.kill('SIGKILL')
      else this.#tell(place, { end: 'all', drainMs })
    }
    if (!this.#haveAllEnded()) await new Promise<void>((resolve) => { this.#onAllEnded = resolve })
    if (this.#endedBadly) throw new Error('a worker did not end in order')
  }

  /** For the last moment of this process: none is left behind, not even one that hangs. */
  kill (): void {
    this.#isEnding = true
    for (const { worker } of this.#places) worker?.kill('SIGKILL')
  }

  #fork (place: Place): void {
    const name = this.#options.nameOf(place.number)
    const worker = cluster.fork({ REPLICA: name, WORKERS: '1' })
    closeLastHandle(worker)
    Object.assign(place, { worker, name, state: 'starting', generation: this.#generation, problems: undefined })
    worker.on('listening', ({ port }) => this.#onListening(place, port))
    worker.on('message', ({ problems }: StartProblems) => {
      place.problems = problems
      // That a port is taken is no news to the others either.
      if (this.#port === undefined) this.#options.onFailure(problems)
    })
    worker.on('exit', (code, signal) => this.#onEnd(place, { code, signal }))
    worker.on('error', (err) => {
      const { pid } = worker.process
      if (pid === undefined) this.#onEnd(place, { err })
    })
  }

  #onListening (place: Place, port: number): void {
    if (place.state !== 'starting' || this.#isEnding) return
    const { name, worker } = place
    const { pid } = worker!.process
    place.state = 'listening'
    this.#options.logger.info({ worker: name, pid }, 'a worker listens')
    if (this.#areAllListening() && port !== this.#port) {
      this.#port = port
      this.#options.onListening(port)
    }
    this.#goOn()
  }

  #onEnd (place: Place, how: { code?: number, signal?: string, err?: Error }): void {
    const { state, name, problems } = place
    clearTimeout(place.timer)
    Object.assign(place, { worker: undefined, state: 'ended' })
    // One that was starting is killed, here or by a signal to the process group that it does not ignore yet.
    const isMeant = how.code === 0 ? state === 'leaving' || this.#isEnding : state === 'starting' && this.#isEnding
    if (!isMeant) {
      this.#endedBadly ||= this.#isEnding
      this.#options.logger.error({ worker: name, ...how, problems }, 'a worker ended')
    }
    if (this.#isEnding) {
      if (this.#haveAllEnded()) this.#onAllEnded()
    } else if (isMeant) this.#fork(place)
    else this.#startAgain(place, state === 'starting')
  }

  #startAgain (place: Place, didNotListen: boolean): void {
    const nowMs = performance.now()
    const isRecent = (ms: number): boolean => nowMs - ms < REMEMBERED_MS
    place.endsMs = [...place.endsMs, nowMs].filter(isRecent)
    if (didNotListen) this.#failedStartsMs = [...this.#failedStartsMs, nowMs].filter(isRecent)
    // While one of them serves, a start that fails is no reason to end that one.
    const isServing = this.#places.some(({ state }) => state === 'listening' || state === 'leaving')
    if (!isServing && this.#failedStartsMs.length >= FAILED_STARTS) {
      const why = place.problems ?? [`WORKERS: ${FAILED_STARTS} ended within a minute that had not listened`]
      return this.#options.onFailure(why)
    }
    // Full jitter, as with Redis.
    const delayMs = Math.random() * Math.min(MOST_DELAY_MS, LEAST_DELAY_MS * 2 ** (place.endsMs.length - 1))
    place.timer = setTimeout(() => this.#fork(place), delayMs)
  }

  /** The next one's turn, if all the others serve. */
  #goOn (): void {
    if (!this.#isRolling || this.#isEnding || !this.#areAllListening()) return
    const place = this.#places.find(({ generation }) => generation < this.#generation)
    if (place !== undefined) return this.#tell(place, { end: 'one', drainMs: this.#options.drainMs })
    this.#isRolling = false
    this.#options.logger.info({}, 'all workers were restarted')
  }

  #tell (place: Place, order: EndOrder): void {
    const { worker } = place
    clearTimeout(place.timer)
    if (place.state === 'listening') place.state = 'leaving'
    place.timer = setTimeout(() => worker!.kill('SIGKILL'), this.#options.endMs)
    // One that has just ended can't be told; that it has is heard of soon.
    worker!.send(order, () => {})
  }

  #areAllListening (): boolean {
    return this.#places.every(({ state }) => state === 'listening')
  }

  #haveAllEnded (): boolean {
    return this.#places.every(({ state }) => state === 'ended')
  }
}

/**
 * Node hands a worker one connection at a time, and forgets the one that was on its way when the worker died: its
 * client would wait for ever. Closed, it comes again. (One that did arrive is closed here already; to close it twice
 * does nothing.)
 */
function closeLastHandle (worker: Worker): void {
  const child = worker.process as unknown as Sender
  const send = child.send.bind(child)
  let last: Handle | undefined
  child.send = (message, handle, ...more) => {
    // A callback may stand in its place.
    if (typeof handle?.close === 'function') last = handle
    return send(message, handle, ...more)
  }
  worker.on('exit', () => last?.close())
}
