import type { Protocol } from './protocols.ts'
import { maskedFrame } from './masked-frame.ts'

/** A client's frame with the time of its sending in the content: `@` and 16 digits, microseconds. */
export interface Publication { stamped (nowUs: number): Buffer }

const AT = 0x40
const ZERO = 0x30
const DIGITS = 16

/** @param contentBytes of the content, its quotation marks left out */
export function createPublication (protocol: Protocol, room: string, contentBytes: number): Publication {
  const content = `"@${'0'.repeat(DIGITS)}${'x'.repeat(Math.max(0, contentBytes - DIGITS - 1))}"`
  const text = protocol.publish(room, content)
  const { frame, start, mask } = maskedFrame(text)
  const firstDigit = text.indexOf(content) + 2
  return {
    stamped (nowUs) {
      const stamped = Buffer.from(frame)
      let rest = nowUs
      for (let index = firstDigit + DIGITS - 1; index >= firstDigit; index--) {
        stamped[start + index] = (ZERO + rest % 10) ^ mask[index & 3]!
        rest = Math.floor(rest / 10)
      }
      return stamped
    }
  }
}

/** When a message was sent, by its payload; -1 where it does not say. */
export function sentUs (buffer: Buffer, start: number, end: number): number {
  const at = buffer.indexOf(AT, start)
  if (at < 0 || at + DIGITS >= end) return -1
  let us = 0
  for (let index = at + 1; index <= at + DIGITS; index++) us = us * 10 + buffer[index]! - ZERO
  return us
}
