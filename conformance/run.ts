import type { Case, Outcome, Step } from './case.ts'
import { close } from './client-frames.ts'
import { Connection } from './connection.ts'
import type { Arrival } from './server-frames.ts'
import { type Expected, expect, isLast, type Target } from './targets.ts'
import { describeArrivals, describeExpected } from './words.ts'

/** One case, and what was wrong; undefined where nothing was. */
export interface Verdict { readonly case: Case, readonly fault: string | undefined }

const TIMEOUT_MS = 5_000
// A gateway lets an address in so often in a second: it says when to come again.
const MAX_TRIES = 8
const TRY_AGAIN = [429, 503]
// Whoever writes on to a server, or a proxy, that has closed is reset, and that may overtake the close frame.
const MAX_RESETS = 3
// So many cases at once: most of the time is spent waiting for the other side.
const AT_ONCE = 8

type Refusal = Extract<Outcome, { kind: 'refusal' }>

export interface RunOptions {
  /** Told of each time that a case is tried again, because its connection was reset before all had come. */
  readonly onReset?: () => void
  /** For each thing that is waited for. */
  readonly timeoutMs?: number
  /** Told of each case as it ends. */
  readonly onVerdict?: (verdict: Verdict) => void
}

/**
 * Runs all cases, some at a time.
 * @returns what came of them, in their order
 * @throws where the server can't be reached
 */
export async function runCases (
  cases: readonly Case[], target: Target, options: RunOptions = {}
): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  let next = 0
  const work = async (): Promise<void> => {
    while (next < cases.length) {
      const index = next++
      const verdict = { case: cases[index]!, fault: await runCase(cases[index]!, target, options) }
      verdicts[index] = verdict
      options.onVerdict?.(verdict)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return verdicts
}

/** What was wrong; undefined where nothing was. */
export async function runCase (
  each: Case, target: Target, { timeoutMs = TIMEOUT_MS, onReset = () => {} }: Omit<RunOptions, 'onVerdict'> = {}
): Promise<string | undefined> {
  let resets = 0
  for (let tries = 1; ; tries++) {
    const connection = await Connection.open(target.address)
    try {
      const fault = await new Run({ case: each, target, connection, timeoutMs }).fault()
      if (fault !== undefined && connection.wasReset && resets++ < MAX_RESETS) {
        onReset()
        continue
      }
      const { status = 0, headers = {} } = connection.answer ?? {}
      if (fault === undefined || !TRY_AGAIN.includes(status) || tries === MAX_TRIES) return fault
      const afterS = Number(headers['retry-after'] ?? 1)
      await new Promise((resolve) => { setTimeout(resolve, Math.min(afterS, 5) * 1_000) })
    } finally {
      connection.destroy()
    }
  }
}

class Run {
  readonly #case: Case
  readonly #target: Target
  readonly #connection: Connection
  readonly #timeoutMs: number

  constructor (parts: { case: Case, target: Target, connection: Connection, timeoutMs: number }) {
    this.#case = parts.case
    this.#target = parts.target
    this.#connection = parts.connection
    this.#timeoutMs = parts.timeoutMs
  }

  async fault (): Promise<string | undefined> {
    const { outcomes, upgrade, chopBytes } = this.#case
    const [first, ...rest] = this.#case.sends
    const isPipelined = this.#case.isPipelined === true && first instanceof Uint8Array
    // Where the upgrade itself is the case, it is what is written in pieces.
    const isUpgradeTried = upgrade !== undefined || isPipelined
    await this.#connection.begin(
      this.#target.address, upgrade, isPipelined ? first : Buffer.alloc(0), isUpgradeTried ? chopBytes : undefined
    )
    await this.#until('an answer to the upgrade', () => this.#connection.answer !== undefined)
    const [refusal] = outcomes.filter((outcome) => outcome.kind === 'refusal')
    if (refusal !== undefined) return await this.#faultOfRefusal(refusal)
    const status = this.#connection.answer?.status
    if (status !== 101) return `the upgrade was answered with ${status ?? 'nothing'}`
    if (this.#target.greets) await this.#until('a greeting', () => this.#connection.arrivals.length > 0)
    return await this.#faultOfFrames(isPipelined ? rest : this.#case.sends)
  }

  async #faultOfRefusal ({ statuses, headers }: Refusal): Promise<string | undefined> {
    const { answer } = this.#connection
    const patterns = Object.entries(headers)
    const expected = [statuses.join(' or '), ...patterns.map(([name, value]) => `${name}: ${value}`)].join(', ')
    if (answer === undefined) return `expected ${expected}; came no answer`
    const hasHeaders = patterns.every(([name, value]) => value.test(answer.headers[name] ?? ''))
    if (!statuses.includes(answer.status) || !hasHeaders) {
      const came = [answer.status, ...patterns.map(([name]) => `${name}: ${answer.headers[name] ?? 'none'}`)].join(', ')
      return `expected ${expected}; came ${came}`
    }
    if (!/\bclose\b/i.test(answer.headers['connection'] ?? '')) return undefined
    // For the body that was announced a server may wait a while; it need not.
    if (isBodyDue(this.#case)) this.#connection.finish()
    await this.#until('the end', () => false)
    return this.#connection.hasEnded ? undefined : `expected the end after ${answer.status}; came no end`
  }

  async #faultOfFrames (steps: readonly Step[]): Promise<string | undefined> {
    let expected = expect(this.#case.outcomes, this.#target)
    for (const step of steps) {
      // A server that leaves one answer out would have every other one waited for.
      if (!await this.#take(step)) break
    }
    if (!expected.some(isLast)) {
      await this.#until('the answers', () => this.#arrivals().length >= expected.length)
      await this.#connection.write(close(1000))
      expected = [...expected, { kind: 'close', codes: [1000] }]
    } else {
      await this.#until('the close frame', () => this.#arrivals().some(({ kind }) => kind === 'close'))
      // Whoever is closed with a frame answers with one: the server waits for it.
      if (!this.#connection.hasEnded) await this.#connection.write(close(1000))
    }
    await this.#until('the end', () => false)
    const arrivals = this.#arrivals()
    if (this.#connection.hasEnded && this.#fits(expected, arrivals)) return undefined
    return `expected ${describeExpected(expected)}; came ${describeArrivals(arrivals, this.#connection.hasEnded)}`
  }

  /** @returns false where what it waits for has not come */
  async #take (step: Step): Promise<boolean> {
    if (step === 'fin') this.#connection.finish()
    else if (step instanceof Uint8Array) await this.#connection.write(step, this.#case.chopBytes)
    else {
      const hasCome = (): boolean => this.#arrivals().length >= step.awaits
      await this.#until('some answers', hasCome)
      // Where the connection has ended nothing more is waited for, and writing does nothing.
      return hasCome() || this.#connection.hasEnded
    }
    return true
  }

  #arrivals (): Arrival[] {
    return this.#connection.arrivals.filter((arrival) => !this.#target.isUnasked(arrival))
  }

  /** Also when the connection has ended, a fault has come, or the time is up: then what has come is judged. */
  async #until (what: string, condition: () => boolean): Promise<void> {
    const { arrivals } = this.#connection
    const isOver = (): boolean => this.#connection.hasEnded || condition() || arrivals.some(({ kind }) => kind === 'fault')
    await this.#connection.until(what, isOver, this.#timeoutMs).catch(() => {})
  }

  #fits (expected: readonly Expected[], arrivals: readonly Arrival[]): boolean {
    if (this.#target.isStrict) return isSame(expected, arrivals)
    const isAnswer = ({ kind }: Expected | Arrival): boolean => kind === 'text' || kind === 'binary'
    const [due, came] = [expected.filter(isAnswer), arrivals.filter(isAnswer)]
    // The server's last word may overtake its answers, where the case has it speak before they have come.
    const isCutOff = this.#case.outcomes.length > 0 && expect(this.#case.outcomes, this.#target).some(isLast)
    return isSame(expected.filter((each) => !isAnswer(each)), arrivals.filter((each) => !isAnswer(each))) &&
      isSame(isCutOff ? due.slice(0, came.length) : due, came)
  }
}

function isBodyDue ({ upgrade }: Case): boolean {
  return /content-length|transfer-encoding/i.test(JSON.stringify(upgrade ?? {}))
}

function isSame (expected: readonly Expected[], arrivals: readonly Arrival[]): boolean {
  const frames = expected.filter(({ kind }) => kind !== 'end')
  return frames.length === arrivals.length && frames.every((each, index) => fitsOne(each, arrivals[index]!))
}

function fitsOne (expected: Expected, arrival: Arrival): boolean {
  if (expected.kind === 'close') return arrival.kind === 'close' && expected.codes.includes(arrival.code)
  if (expected.kind === 'end' || arrival.kind === 'close' || arrival.kind === 'fault') return false
  return arrival.kind === expected.kind && expected.fits(arrival.payload)
}
