import { type Case, closes, pongs, type Section, takes } from '../case.ts'
import { binary, continuation, fragments, OPCODE, pieces, ping, text } from '../client-frames.ts'
import type { Limits } from '../targets.ts'

const PAYLOAD = '*'.repeat(65_536)

export const autofragments: Section = {
  id: '10',
  title: 'large messages in fragments',
  cases: [
    {
      id: '10.1.1',
      what: 'a text of 65536 bytes in fragments of 1300',
      sends: fragments(pieces(PAYLOAD, 1_300)),
      outcomes: [takes(PAYLOAD)]
    }
  ]
}

/** A server that says what it takes must take that, and not a byte more. Instead of Autobahn's section 9. */
export function limitsOf ({ maxMessageBytes, maxFragments }: Limits): Section {
  return { id: 'L', title: 'limits (ours)', cases: [...ofBytes(maxMessageBytes), ...ofFragments(maxFragments)] }
}

function ofBytes (max: number): Case[] {
  if (max === Infinity) return []
  const most = '*'.repeat(max)
  const over = '*'.repeat(max + 1)
  const claims = (id: string, what: string, claimed: bigint, ...codes: number[]): Case => ({
    id,
    what: `a text whose header claims ${what}, and no more`,
    sends: [text('', { claims: claimed })],
    outcomes: [closes(...codes)]
  })
  return [
    { id: 'L.1.1', what: `a text of ${max} bytes, the most`, sends: [text(most)], outcomes: [takes(most)] },
    { id: 'L.1.2', what: 'a text of a byte more', sends: [text(over)], outcomes: [closes(1009)] },
    { id: 'L.1.3', what: 'binary bytes, one more than the most', sends: [binary(over)], outcomes: [closes(1009)] },
    { id: 'L.1.4', what: 'the most in two fragments', sends: fragments([most.slice(1), '*']), outcomes: [takes(most)] },
    { id: 'L.1.5', what: 'a byte more in two fragments', sends: fragments([most, '*']), outcomes: [closes(1009)] },
    {
      id: 'L.1.6',
      what: 'sixteen times the most, in fragments',
      sends: fragments(pieces('*'.repeat(16 * max), max)),
      outcomes: [closes(1009)]
    },
    {
      id: 'L.1.7',
      what: 'sixteen times the most at once',
      sends: [text('*'.repeat(16 * max))],
      outcomes: [closes(1009)]
    },
    claims('L.2.1', 'a byte more', BigInt(max) + 1n, 1009),
    claims('L.2.2', '1 GiB', 2n ** 30n, 1009),
    claims('L.2.3', '2^40 bytes', 2n ** 40n, 1009),
    claims('L.2.4', '2^63 - 1 bytes', 2n ** 63n - 1n, 1009),
    // RFC 6455 section 5.2: the highest bit must be 0.
    claims('L.2.5', '2^63 bytes, which no header may', 2n ** 63n, 1002, 1009),
    {
      id: 'L.2.6',
      what: 'a second fragment whose header claims more than is left',
      sends: [text('*', { fin: false }), continuation('', { claims: BigInt(max) })],
      outcomes: [closes(1009)]
    }
  ]
}

function ofFragments (max: number): Case[] {
  const many = (count: number, payload: string): Buffer => Buffer.concat(fragments(Array<string>(count).fill(payload)))
  return [
    {
      id: 'L.3.1',
      what: `a text in ${max} fragments, the most`,
      sends: [many(max, '*')],
      outcomes: [takes('*'.repeat(max))]
    },
    { id: 'L.3.2', what: 'a text in one more', sends: [many(max + 1, '*')], outcomes: [closes(1008)] },
    { id: 'L.3.3', what: 'as many that are empty', sends: [many(max + 1, '')], outcomes: [closes(1008)] },
    {
      id: 'L.3.4',
      what: 'a hundred thousand that are empty, and no last one',
      sends: [Buffer.concat([
        text('', { fin: false }), ...Array<Buffer>(100_000).fill(continuation('', { fin: false }))
      ])],
      outcomes: [closes(1008)]
    },
    {
      id: 'L.3.5',
      what: 'the most fragments with a ping between any two',
      sends: [Buffer.concat(fragments(Array<string>(max).fill('*'), OPCODE.text).flatMap((each) => [each, ping('p')]))],
      outcomes: [...Array(max - 1).fill(pongs('p')), takes('*'.repeat(max)), pongs('p')]
    },
    {
      id: 'L.3.6',
      what: 'the most fragments, twice: each message has its own count',
      sends: [many(max, '*'), many(max, '*')],
      outcomes: [takes('*'.repeat(max)), takes('*'.repeat(max))]
    }
  ]
}
