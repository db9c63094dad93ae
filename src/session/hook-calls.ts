import { Latency } from '../hub/latency.ts'
import { type Refusal, refusal } from '../protocol/codes.ts'
import type { Awaitable, DecidingHook, HookContext, Hooks, ToldHook } from './hooks.ts'

interface HookLogger { warn (fields: object, message: string): void }

interface HookLimits {
  /** A hook that has not decided by then has refused. */
  readonly timeoutMs: number
  /** So many may be deciding at once. */
  readonly maxCalls: number
}

const TOLD = ['onJoin', 'onLeave', 'onDisconnect'] as const
const DECIDING = ['authenticate', 'authorize', 'onMessage'] as const
// A hook that fails does so for each message: a line for each would drown the log.
const LOG_EVERY_MS = 1_000

/** How often and how long hooks were asked: plain numbers, read when somebody asks. */
class HookCounts {
  underWay = 0
  /** Threw, took too long, or were not asked because too many were. */
  readonly failures: Record<DecidingHook | ToldHook, number> = {
    authenticate: 0, authorize: 0, onMessage: 0, onJoin: 0, onLeave: 0, onDisconnect: 0
  }

  readonly durations: Readonly<Record<DecidingHook, Latency>> = {
    authenticate: new Latency(), authorize: new Latency(), onMessage: new Latency()
  }
}

/** The time of one call. Most hooks never ask for the signal. */
class Patience implements HookContext {
  #controller: AbortController | undefined
  #isOver = false

  get signal (): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#isOver) this.#controller.abort()
    return this.#controller.signal
  }

  end (): void {
    this.#isOver = true
    this.#controller?.abort()
  }
}

/** Asks the operator's hooks, so that one that fails or hangs harms nobody but whom it was asked for. */
export class HookCalls {
  readonly hooks: Hooks
  readonly counts = new HookCounts()
  readonly #limits: HookLimits
  readonly #logger: HookLogger
  readonly #now: () => number
  readonly #loggedMs = new Map<string, number>()

  constructor (hooks: Hooks, limits: HookLimits, logger: HookLogger, now: () => number) {
    this.hooks = hooks
    this.#limits = limits
    this.#logger = logger
    this.#now = now
  }

  /**
   * What the hook decided, as `read` understands it; where it threw, took too long or decided what cannot be read:
   * `unavailable`. Never rejects.
   */
  async decide<Decided, Read> (
    hook: DecidingHook, ask: (context: HookContext) => Awaitable<Decided>, read: (decided: Decided) => Read
  ): Promise<Read | Refusal> {
    const { counts } = this
    if (counts.underWay >= this.#limits.maxCalls) {
      return this.#failed(hook, new Error(`${counts.underWay} hooks are deciding`), 'has too much to decide')
    }
    const beganMs = this.#now()
    counts.underWay++
    try {
      const decided = await this.#inTime(ask)
      return decided === LATE ? this.#failed(hook, new Error('no decision in time'), 'did not decide in time') : read(decided)
    } catch (error) {
      return this.#failed(hook, error, 'failed')
    } finally {
      counts.underWay--
      counts.durations[hook].observe(this.#now() - beganMs)
    }
  }

  /** Tells a hook; what it does with that is its own business. */
  tell<Hook extends ToldHook> (hook: Hook, event: Parameters<NonNullable<Hooks[Hook]>>[0]): void {
    const { hooks } = this
    if (hooks[hook] === undefined) return
    try {
      const told = hooks[hook](event as never)
      if (isPromise(told)) told.then(undefined, (error: unknown) => { this.#failed(hook, error, 'failed') })
    } catch (error) {
      this.#failed(hook, error, 'failed')
    }
  }

  async #inTime<Decided> (ask: (context: HookContext) => Awaitable<Decided>): Promise<Decided | typeof LATE> {
    const patience = new Patience()
    const decided = ask(patience)
    if (!isPromise(decided)) return decided
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<typeof LATE>((resolve) => {
      timer = setTimeout(() => {
        resolve(LATE)
        patience.end()
      }, this.#limits.timeoutMs)
    })
    try {
      return await Promise.race([decided, late])
    } finally {
      clearTimeout(timer)
    }
  }

  #failed (hook: DecidingHook | ToldHook, error: unknown, how: string): Refusal {
    this.counts.failures[hook]++
    const nowMs = this.#now()
    if (nowMs - (this.#loggedMs.get(hook) ?? -Infinity) >= LOG_EVERY_MS) {
      this.#loggedMs.set(hook, nowMs)
      this.#logger.warn({ hook, failures: this.counts.failures[hook], err: error }, `a hook ${how}`)
    }
    return refusal('unavailable', `the hook ${hook} ${how}; nothing was done`)
  }
}

const LATE = Symbol('late')

function isPromise (value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value
}

/** @throws TypeError that names each that is none, or no function */
export function checkHooks (hooks: Readonly<Record<string, unknown>>): string[] {
  const known: readonly string[] = [...DECIDING, ...TOLD]
  return Object.entries(hooks).flatMap(([name, hook]) => {
    if (!known.includes(name)) return [`hooks.${name}: no such hook; there are ${known.join(', ')}`]
    return hook === undefined || typeof hook === 'function' ? [] : [`hooks.${name}: must be a function`]
  })
}
