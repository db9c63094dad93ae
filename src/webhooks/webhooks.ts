import { BrokerError } from '../protocol/codes.ts'
import { backoffMs } from './backoff.ts'
import { type AttemptOutcome, WebhookCounts } from './counts.ts'
import { headersOf, messageOf } from './message.ts'
import { post, type PostOutcome } from './post.ts'
import type { EventQueue, QueuedEvent, Taken } from './queue.ts'
import type { WebhookSettings } from './settings.ts'

interface WebhookLogger {
  info (fields: object, message: string): void
  warn (fields: object, message: string): void
}

interface Parts {
  readonly queue: EventQueue
  readonly settings: WebhookSettings
  /** A replica that has not come again for so long delivers no more. */
  readonly leaseMs: number
  readonly logger: WebhookLogger
  readonly now: () => number
}

// The body that many servers take by default is 100 kB.
const LIMITS = { maxEvents: 250, maxBytes: 64 * 1_024 }
const COMES_PER_LEASE = 2.5
// After so many failures in a row another replica tries, in case the fault is on this side.
const TRIES_PER_TURN = 3
const OTHERS_FIRST = 1.25
// At the end what waits may be sent for so long.
const LAST_MS = 500
const END_MS = 1_000
const GONE = 410

/**
 * Delivers what waits, while this replica is the one that does: one batch after the other, each until the target has
 * taken it. Nothing else waits for it, and nothing is held but one batch.
 */
export class Webhooks {
  readonly counts: WebhookCounts
  readonly #parts: Parts
  readonly #comeMs: number
  readonly #giveUp = new AbortController()
  #running: Promise<void> | undefined
  #keeping: NodeJS.Timeout | undefined
  #isStopping = false
  #wake: () => void = () => {}
  // What the target has taken, and Redis has not been told of.
  #undone: QueuedEvent | undefined
  // What was last said of the target: undefined while it takes what it is sent.
  #trouble: { readonly problem: string, readonly sinceMs: number } | undefined
  #isDropping = false

  constructor (parts: Parts) {
    this.#parts = parts
    this.#comeMs = parts.leaseMs / COMES_PER_LEASE
    this.counts = new WebhookCounts(parts.now)
  }

  start (): void {
    const { logger, settings } = this.#parts
    logger.info({ host: settings.url.host }, 'webhooks are on')
    this.#running = this.#run()
  }

  /** What waits is sent, for a moment; then another replica goes on. Never rejects. */
  async stop (): Promise<void> {
    if (this.#running === undefined) return
    this.#isStopping = true
    this.#wake()
    const last = setTimeout(() => this.#giveUp.abort(), LAST_MS)
    let end: NodeJS.Timeout | undefined
    const isOver = new Promise<void>((resolve) => { end = setTimeout(resolve, END_MS) })
    await Promise.race([this.#running.then(() => this.#release()), isOver])
    for (const timer of [last, end]) clearTimeout(timer)
    const { waiting } = this.counts
    if (waiting > 0) this.#parts.logger.info({ waiting }, 'ended while events for the webhook wait')
  }

  async #run (): Promise<void> {
    while (!this.#isStopping) await this.#rest(await this.#step())
    let restMs = 0
    while (restMs === 0 && !this.#giveUp.signal.aborted) restMs = await this.#step()
  }

  async #rest (restMs: number): Promise<void> {
    if (this.#isStopping) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, restMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Sends what is due. @returns when to come again, in ms */
  async #step (): Promise<number> {
    try {
      await this.#confirm()
      const taken = await this.#parts.queue.take(LIMITS)
      if (taken === undefined) this.counts.stands(0, undefined)
      else this.#account(taken)
      return taken === undefined ? this.#comeMs : await this.#deliver(taken)
    } catch (error) {
      // Redis is away: what is in it stays.
      if (!(error instanceof BrokerError)) throw error
      return this.#comeMs
    }
  }

  /** What was delivered must not be sent again only because Redis was away when it should have heard of it. */
  async #confirm (): Promise<void> {
    if (this.#undone === undefined) return
    await this.#parts.queue.done(this.#undone)
    this.#undone = undefined
  }

  #account ({ waiting, oldestMs, dropped }: Taken): void {
    this.counts.stands(waiting, oldestMs)
    this.#drop(dropped, 'too many wait')
  }

  #drop (dropped: number, problem: string): void {
    if (dropped === 0) return
    this.counts.dropped += dropped
    if (!this.#isDropping) this.#parts.logger.warn({ dropped, problem }, 'events for the webhook are dropped')
    this.#isDropping = true
  }

  async #deliver (taken: Taken): Promise<number> {
    const { settings } = this.#parts
    const { events, nowMs, restMs } = taken
    if (restMs > 0) return Math.min(restMs, this.#comeMs)
    if (events.length === 0) return settings.batchMs
    const fresh = events.filter(({ timestampMs }) => nowMs - timestampMs < settings.maxAgeMs)
    this.#drop(events.length - fresh.length, 'too old')
    const failure = fresh.length === 0 ? undefined : await this.#send(fresh)
    if (failure !== undefined) return await this.#failed(taken, failure)
    this.#undone = events.at(-1)!
    await this.#confirm()
    this.counts.stands(taken.waiting - events.length, taken.waiting > events.length ? taken.oldestMs : undefined)
    const isMore = taken.waiting > events.length
    return isMore || this.#isStopping ? 0 : settings.batchMs
  }

  /** @returns what the target answered, where it did not take them */
  async #send (events: readonly QueuedEvent[]): Promise<PostOutcome | undefined> {
    const { settings, now } = this.#parts
    const message = messageOf(events)
    const headers = headersOf(message, settings.secrets, Date.now())
    this.#keeping = setInterval(() => { void this.#keep() }, this.#comeMs)
    const { url, timeoutMs } = settings
    const outcome = await post({ url, headers, body: message.body, timeoutMs, signal: this.#giveUp.signal })
    clearInterval(this.#keeping)
    const name = nameOf(outcome)
    this.counts.attempts[name]++
    if (name !== 'taken') return outcome
    this.counts.sent += events.length
    this.#isDropping = false
    if (this.#trouble !== undefined) {
      const { host } = settings.url
      this.#parts.logger.info({ host, afterMs: Math.round(now() - this.#trouble.sinceMs) }, 'the webhook target takes events again')
    }
    this.#trouble = undefined
    return undefined
  }

  async #keep (): Promise<void> {
    try {
      await this.#parts.queue.keep()
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
    }
  }

  async #failed ({ tries: before }: Taken, outcome: PostOutcome): Promise<number> {
    // That we gave up is not the target's fault.
    if (this.#giveUp.signal.aborted) return this.#comeMs
    const { queue, settings: { maxRetryMs } } = this.#parts
    this.#report(outcome)
    const tries = before + 1
    const asked = 'status' in outcome ? outcome.status === GONE ? Infinity : outcome.retryAfterMs : undefined
    const restMs = backoffMs({ tries, maxMs: maxRetryMs, retryAfterMs: asked, random: Math.random() })
    await queue.failed(tries, restMs)
    if (tries % TRIES_PER_TURN !== 0) return Math.min(restMs, this.#comeMs)
    await queue.release()
    // The others have all come by then.
    return Math.max(restMs, OTHERS_FIRST * this.#comeMs)
  }

  /** One line for each new kind of failure, not one for each try. The path of the address may hold a secret. */
  #report (outcome: PostOutcome): void {
    const problem = 'status' in outcome ? `it answers ${outcome.status}` : outcome.problem
    const { logger, settings: { url: { host } }, now } = this.#parts
    if (problem !== this.#trouble?.problem) logger.warn({ host, problem }, 'the webhook target does not take events; trying again')
    this.#trouble = { problem, sinceMs: this.#trouble?.sinceMs ?? now() }
  }

  async #release (): Promise<void> {
    try {
      await this.#parts.queue.release()
    } catch (error) {
      // The lease ends by itself.
      if (!(error instanceof BrokerError)) throw error
    }
  }
}

function nameOf (outcome: PostOutcome): AttemptOutcome {
  if (!('status' in outcome)) return outcome.isTimeout ? 'timeout' : 'unreachable'
  return outcome.status >= 200 && outcome.status < 300 ? 'taken' : 'refused'
}
