import { isUtf8 } from 'node:buffer'
import { type Case, closes, type Section, takes } from '../case.ts'
import { fragments, pieces, text } from '../client-frames.ts'
import { GROUPS } from './utf8-sequences.ts'

const GREEK = Buffer.from('κόσμε')
const VALID = Buffer.from('Grüße: κόσμε, 日本語, 🙂')
const SURROGATE = Buffer.of(0xed, 0xa0, 0x80)
// Over what Unicode has.
const TOO_HIGH = Buffer.of(0xf4, 0x90, 0x80, 0x80)
const AFTER = Buffer.from('edited')
const SURROGATE_TEXT = Buffer.concat([GREEK, SURROGATE, AFTER])

const fragmented: Case[] = [
  { id: '6.1.1', what: 'an empty text', sends: [text()], outcomes: [takes('')] },
  { id: '6.1.2', what: 'three empty fragments', sends: fragments(['', '', '']), outcomes: [takes('')] },
  {
    id: '6.1.3',
    what: 'three fragments, the first and the last empty',
    sends: fragments(['', 'middle', '']),
    outcomes: [takes('middle')]
  },
  { id: '6.2.1', what: 'a text of many alphabets', sends: [text(VALID)], outcomes: [takes(VALID)] },
  {
    id: '6.2.2',
    what: 'the same in two fragments, between two characters',
    sends: fragments([VALID.subarray(0, 3), VALID.subarray(3)]),
    outcomes: [takes(VALID)]
  },
  {
    id: '6.2.3', what: 'the same in fragments of one byte', sends: fragments(pieces(VALID, 1)), outcomes: [takes(VALID)]
  },
  {
    id: '6.2.4', what: 'Greek in fragments of one byte', sends: fragments(pieces(GREEK, 1)), outcomes: [takes(GREEK)]
  },
  { id: '6.3.1', what: 'half a surrogate pair in a text', sends: [text(SURROGATE_TEXT)], outcomes: [closes(1007)] },
  {
    id: '6.3.2',
    what: 'the same in fragments of one byte',
    sends: fragments(pieces(SURROGATE_TEXT, 1)),
    outcomes: [closes(1007)]
  }
]

// Autobahn would like to see the end as soon as the bytes can be nothing any more, and calls a server non-strict that
// looks at whole messages. Here that will do: the end must come, at the latest with the last fragment.
const failingFast: Case[] = [
  {
    id: '6.4.1',
    what: 'a second of three fragments that is no UTF-8',
    sends: fragments([GREEK, TOO_HIGH, AFTER]),
    outcomes: [closes(1007)]
  },
  {
    id: '6.4.2',
    what: 'the same, but it is so only with the last of its bytes',
    sends: fragments([Buffer.concat([GREEK, TOO_HIGH.subarray(0, 1)]), TOO_HIGH.subarray(1), AFTER]),
    outcomes: [closes(1007)]
  },
  {
    id: '6.4.3',
    what: 'no UTF-8 in the midst of one frame, written in three parts',
    sends: threeWrites(GREEK.length + 6, GREEK.length + 6 + TOO_HIGH.length),
    outcomes: [closes(1007)]
  },
  {
    id: '6.4.4',
    what: 'the same, written in parts that meet within the character',
    sends: threeWrites(GREEK.length + 6 + 1, GREEK.length + 6 + 2),
    outcomes: [closes(1007)]
  }
]

function threeWrites (first: number, second: number): Buffer[] {
  const whole = text(Buffer.concat([GREEK, TOO_HIGH, AFTER]))
  return [whole.subarray(0, first), whole.subarray(first, second), whole.subarray(second)]
}

const sequences: Case[] = GROUPS.flatMap(({ what, sequences }, group) => sequences.map((bytes, index): Case => ({
  id: `6.${group + 5}.${index + 1}`,
  what: `${what}: 0x${bytes.toString('hex', 0, 16)}`,
  sends: [text(bytes)],
  outcomes: [isUtf8(bytes) ? takes(bytes) : closes(1007)]
})))

export const utf8: Section = { id: '6', title: 'UTF-8', cases: [...fragmented, ...failingFast, ...sequences] }

/** In two fragments, at every place there is. */
function splits (id: string, what: string, bytes: Buffer): Case[] {
  return Array.from({ length: bytes.length - 1 }, (_, n) => ({
    id: `${id}.${n + 1}`,
    what: `${what}, in two fragments, after byte ${n + 1}`,
    sends: fragments([bytes.subarray(0, n + 1), bytes.subarray(n + 1)]),
    outcomes: [isUtf8(bytes) ? takes(bytes) : closes(1007)]
  }))
}

export const utf8Splits: Section = {
  id: 'U',
  title: 'UTF-8 split anywhere (ours)',
  cases: [
    ...splits('U.1', 'characters of two, three and four bytes', Buffer.from('é€🙂')),
    ...splits('U.2', 'half a surrogate pair', Buffer.concat([Buffer.from('a'), SURROGATE])),
    ...splits('U.3', 'a character of four bytes without its last', Buffer.from('a🙂').subarray(0, 4))
  ]
}
