import { Latency } from '../hub/latency.ts'
import { CLOSES, ERRORS, type Reason } from '../protocol/codes.ts'

/** How a publish ended: it was published (`ack`, whether or not its client asked for one), or why not. */
export type PublishOutcome = 'ack' | 'refused' | 'unavailable' | 'unknown_outcome'

// What clients, ws and we use of RFC 6455 section 7.4.1. Of all others, which clients may send, each would be a series.
const KNOWN_CODES = [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011]
const OTHER = 'other'

/** Why a TCP connection was ended by this side, and not told. */
export type HangUp = 'files' | 'sockets' | 'rate' | 'pipelining' | 'unread'

/** What connections have come to: plain numbers, read when somebody asks. */
export class SessionCounts {
  opened = 0
  /** Event streams that are open. */
  streams = 0
  /** Requests, by reason. */
  readonly refusals = zeros(Object.keys(ERRORS) as Reason[])
  /** Upgrades that were answered with an error, by reason. */
  readonly upgradesRefused = zeros(Object.keys(ERRORS) as Reason[])
  readonly hungUp = zeros<HangUp>(['files', 'sockets', 'rate', 'pipelining', 'unread'])
  /** Requests over HTTP that came beyond the rate of their address. */
  overHttpRate = 0
  /** By code. */
  readonly closes = zeros([...KNOWN_CODES, ...Object.values(CLOSES).map(({ code }) => code)].map(String).concat(OTHER))
  readonly publishes: Readonly<Record<PublishOutcome, Latency>> = {
    ack: new Latency(), refused: new Latency(), unavailable: new Latency(), unknown_outcome: new Latency()
  }

  closed (code: number): void {
    const name = String(code)
    this.closes[name in this.closes ? name : OTHER]!++
  }
}

function zeros<Name extends string> (names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>
}
