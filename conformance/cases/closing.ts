import { type Case, closes, ends, type Section, takes } from '../case.ts'
import { close, fragments, ping, text } from '../client-frames.ts'

const [firstHalf, secondHalf] = fragments(['first, ', 'second']) as [Buffer, Buffer]
const LARGE = '*'.repeat(262_144)
const VALID_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]
const INVALID_CODES = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999]

const sequences: Case[] = [
  {
    id: '7.1.1',
    what: 'a text, and a close frame behind it',
    sends: [text('Hello'), close(1000)],
    outcomes: [takes('Hello'), closes(1000)]
  },
  { id: '7.1.2', what: 'two close frames', sends: [close(1000), close(1000)], outcomes: [closes(1000)] },
  { id: '7.1.3', what: 'a ping after the close frame', sends: [close(1000), ping('late')], outcomes: [closes(1000)] },
  { id: '7.1.4', what: 'a text after the close frame', sends: [close(1000), text('late')], outcomes: [closes(1000)] },
  {
    id: '7.1.5',
    what: 'a close frame between two fragments',
    sends: [firstHalf, close(1000), secondHalf],
    outcomes: [closes(1000)]
  },
  {
    id: '7.1.6',
    what: 'a text of 256 KiB, another, a close frame and a ping',
    sends: [text(LARGE), text('Hello'), { awaits: 2 }, close(1000), ping('late')],
    outcomes: [takes(LARGE), takes('Hello'), closes(1000)]
  }
]

const payloads: Case[] = [
  { id: '7.3.1', what: 'a close frame that says nothing', sends: [close()], outcomes: [closes(1005)] },
  { id: '7.3.2', what: 'half a code', sends: [close(undefined, 'a')], outcomes: [closes(1002)] },
  { id: '7.3.3', what: 'a code', sends: [close(1000)], outcomes: [closes(1000)] },
  { id: '7.3.4', what: 'a code and a reason', sends: [close(1000, 'enough')], outcomes: [closes(1000)] },
  { id: '7.3.5', what: 'a reason of 123 bytes', sends: [close(1000, '*'.repeat(123))], outcomes: [closes(1000)] },
  { id: '7.3.6', what: 'a reason of 124 bytes', sends: [close(1000, '*'.repeat(124))], outcomes: [closes(1002)] },
  {
    id: '7.5.1',
    what: 'a reason that is not UTF-8',
    sends: [close(1000, Buffer.from('cebae1bdb9eda080', 'hex'))],
    outcomes: [closes(1007)]
  }
]

export const closing: Section = {
  id: '7',
  title: 'closing',
  cases: [
    ...sequences,
    ...payloads,
    ...VALID_CODES.map((code, index): Case => ({
      id: `7.7.${index + 1}`, what: `code ${code}, a good one`, sends: [close(code, 'why')], outcomes: [closes(code)]
    })),
    ...INVALID_CODES.map((code, index): Case => ({
      id: `7.9.${index + 1}`, what: `code ${code}, a bad one`, sends: [close(code, 'why')], outcomes: [closes(1002)]
    })),
    // No code of either range means anything; Autobahn only tells what comes.
    ...[5000, 65_535].map((code, index): Case => ({
      id: `7.13.${index + 1}`, what: `code ${code}, which is none`, sends: [close(code)], outcomes: [closes(1002)]
    }))
  ]
}

/** Ends that come in no good order. */
export const endings: Section = {
  id: 'C',
  title: 'other ends (ours)',
  cases: [
    ...[1012, 1013, 1014].map((code, index): Case => ({
      id: `C.1.${index + 1}`, what: `code ${code}, registered later`, sends: [close(code)], outcomes: [closes(code)]
    })),
    { id: 'C.2.1', what: 'the end of TCP without a close frame', sends: ['fin'], outcomes: [ends] },
    { id: 'C.2.2', what: 'the same within a header', sends: [text('Hello').subarray(0, 1), 'fin'], outcomes: [ends] },
    { id: 'C.2.3', what: 'the same within a payload', sends: [text('Hello').subarray(0, 8), 'fin'], outcomes: [ends] },
    { id: 'C.2.4', what: 'the same between two fragments', sends: [firstHalf, 'fin'], outcomes: [ends] },
    {
      id: 'C.3.1',
      what: 'a close frame a byte at a time',
      sends: [close(4000, 'bye')],
      chopBytes: 1,
      outcomes: [closes(4000)]
    },
    {
      id: 'C.3.2',
      what: 'a close frame in two fragments',
      sends: [close(1000, 'a', { fin: false })],
      outcomes: [closes(1002)]
    },
    {
      id: 'C.3.3',
      what: 'a text after what breaks the protocol',
      sends: [Buffer.concat([text('Hello', { rsv: 4 }), text('never read'), ping('never read')])],
      outcomes: [closes(1002)]
    },
    {
      id: 'C.3.4',
      what: 'a reason in fragments of characters',
      sends: [close(1000, Buffer.from('€').subarray(0, 2))],
      outcomes: [closes(1007)]
    }
  ]
}
