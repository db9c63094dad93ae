import { isUtf8 } from 'node:buffer'
import type { Arrival } from './server-frames.ts'
import type { Expected } from './targets.ts'

const SHOWN_BYTES = 40

/** A payload for people: as text where it is some, as hex otherwise; a long one only in part. */
export function show (payload: Uint8Array): string {
  const whole = Buffer.from(payload)
  const text = isUtf8(whole) && !/\p{Cc}/u.test(whole.toString())
  const shown = text
    ? JSON.stringify(whole.length > SHOWN_BYTES ? `${whole.toString('utf8', 0, SHOWN_BYTES)}…` : whole.toString())
    : `0x${whole.toString('hex', 0, SHOWN_BYTES)}${whole.length > SHOWN_BYTES ? '…' : ''}`
  return whole.length > SHOWN_BYTES ? `${shown} (${whole.length} bytes)` : shown
}

export function describeExpected (expected: readonly Expected[]): string {
  return list(expected.map(wordsOfExpected))
}

/** @param hasEnded whether the server ended the connection after it */
export function describeArrivals (arrivals: readonly Arrival[], hasEnded: boolean): string {
  const words = arrivals.map(wordsOfArrival)
  // After a fault nobody waits for the end.
  if (arrivals.some(({ kind }) => kind === 'fault')) return list(words)
  return list([...words, hasEnded ? 'end' : 'no end'])
}

function wordsOfExpected (expected: Expected): string {
  switch (expected.kind) {
    case 'close': return `close ${expected.codes.map(codeName).join(' or ')}`
    case 'end': return 'end without a close frame'
    case 'text':
    case 'binary':
    case 'pong': return `${expected.kind} ${expected.words}`
  }
}

function wordsOfArrival (arrival: Arrival): string {
  switch (arrival.kind) {
    case 'close': return `close ${codeName(arrival.code)}`
    case 'fault': return `a fault: ${arrival.fault}`
    case 'text':
    case 'binary':
    case 'ping':
    case 'pong': return `${arrival.kind} ${show(arrival.payload)}`
  }
}

function codeName (code: number): string {
  return code === 1005 ? 'without a code' : String(code)
}

function list (words: readonly string[]): string {
  return words.length === 0 ? 'nothing' : words.join(', ')
}
