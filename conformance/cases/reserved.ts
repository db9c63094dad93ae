import { type Case, closes, type Outcome, type Section, type Step, takes } from '../case.ts'
import { binary, close, frame, ping, text } from '../client-frames.ts'

const first: Step[] = [text('Hello'), { awaits: 1 }]
const taken: Outcome[] = [takes('Hello')]

/** Bits that nobody may set as long as no extension was agreed on. */
export const reservedBits: Section = {
  id: '3',
  title: 'reserved bits',
  cases: [
    { id: '3.1', what: 'a text with RSV3', sends: [text('Hello', { rsv: 1 })], outcomes: [closes(1002)] },
    {
      id: '3.2',
      what: 'a text, one with RSV2, and a ping',
      sends: [...first, Buffer.concat([text('Hello', { rsv: 2 }), ping()])],
      outcomes: [...taken, closes(1002)]
    },
    {
      id: '3.3',
      what: 'a text, one with RSV2 and RSV3, and a ping, each by itself',
      sends: [...first, text('Hello', { rsv: 3 }), ping()],
      outcomes: [...taken, closes(1002)]
    },
    {
      id: '3.4',
      what: 'a text, one with RSV1, and a ping, a byte at a time',
      sends: [...first, text('Hello', { rsv: 4 }), ping()],
      chopBytes: 1,
      outcomes: [...taken, closes(1002)]
    },
    {
      id: '3.5',
      what: 'binary bytes with RSV1 and RSV3',
      sends: [binary('Hello', { rsv: 5 })],
      outcomes: [closes(1002)]
    },
    { id: '3.6', what: 'a ping with RSV1 and RSV2', sends: [ping('Hello', { rsv: 6 })], outcomes: [closes(1002)] },
    { id: '3.7', what: 'a close frame with all three', sends: [close(1000, '', { rsv: 7 })], outcomes: [closes(1002)] }
  ]
}

/** The five shapes in which a reserved opcode is tried. */
function tries (opcodes: readonly number[], group: string): Case[] {
  const [a, b, c, d, e] = opcodes as [number, number, number, number, number]
  return [
    { id: `${group}.1`, what: `opcode ${a}`, sends: [frame({ opcode: a })], outcomes: [closes(1002)] },
    {
      id: `${group}.2`,
      what: `opcode ${b} with a payload`,
      sends: [frame({ opcode: b, payload: 'odd' })],
      outcomes: [closes(1002)]
    },
    {
      id: `${group}.3`,
      what: `a text, opcode ${c}, and a ping`,
      sends: [...first, Buffer.concat([frame({ opcode: c }), ping()])],
      outcomes: [...taken, closes(1002)]
    },
    {
      id: `${group}.4`,
      what: `a text, opcode ${d} with a payload, and a ping, each by itself`,
      sends: [...first, frame({ opcode: d, payload: 'odd' }), ping()],
      outcomes: [...taken, closes(1002)]
    },
    {
      id: `${group}.5`,
      what: `a text, opcode ${e} with a payload, and a ping, a byte at a time`,
      sends: [...first, frame({ opcode: e, payload: 'odd' }), ping()],
      chopBytes: 1,
      outcomes: [...taken, closes(1002)]
    }
  ]
}

export const opcodes: Section = {
  id: '4',
  title: 'reserved opcodes',
  cases: [...tries([3, 4, 5, 6, 7], '4.1'), ...tries([11, 12, 13, 14, 15], '4.2')]
}
