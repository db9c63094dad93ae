import { closes, pongs, type Section, takes } from '../case.ts'
import { close, ping, pong, text } from '../client-frames.ts'

const BYTES = Buffer.of(0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff)
const MANY = Array.from({ length: 10 }, (_, n) => `ping ${n}`)
const LONGEST = Buffer.alloc(125, 0xfe)

export const pings: Section = {
  id: '2',
  title: 'pings and pongs',
  cases: [
    { id: '2.1', what: 'a ping without a payload', sends: [ping()], outcomes: [pongs()] },
    { id: '2.2', what: 'a ping with a text', sends: [ping('Hello')], outcomes: [pongs('Hello')] },
    { id: '2.3', what: 'a ping with bytes that are no text', sends: [ping(BYTES)], outcomes: [pongs(BYTES)] },
    { id: '2.4', what: 'a ping of 125 bytes', sends: [ping(LONGEST)], outcomes: [pongs(LONGEST)] },
    { id: '2.5', what: 'a ping of 126 bytes', sends: [ping(Buffer.alloc(126, 0xfe))], outcomes: [closes(1002)] },
    {
      id: '2.6',
      what: 'a ping of 125 bytes, a byte at a time',
      sends: [ping(LONGEST)],
      chopBytes: 1,
      outcomes: [pongs(LONGEST)]
    },
    { id: '2.7', what: 'a pong that nobody asked for', sends: [pong()], outcomes: [] },
    { id: '2.8', what: 'the same with a payload', sends: [pong('unasked')], outcomes: [] },
    {
      id: '2.9', what: 'the same, and then a ping', sends: [pong('unasked'), ping('asked')], outcomes: [pongs('asked')]
    },
    {
      id: '2.10',
      what: 'ten pings at once',
      sends: [Buffer.concat(MANY.map((each) => ping(each)))],
      outcomes: MANY.map((each) => pongs(each))
    },
    {
      id: '2.11',
      what: 'ten pings, a byte at a time',
      sends: [Buffer.concat(MANY.map((each) => ping(each)))],
      chopBytes: 1,
      outcomes: MANY.map((each) => pongs(each))
    }
  ]
}

/** What Autobahn leaves out. */
export const controls: Section = {
  id: 'P',
  title: 'control frames (ours)',
  cases: [
    { id: 'P.1', what: 'a pong of 125 bytes', sends: [pong(LONGEST)], outcomes: [] },
    { id: 'P.2', what: 'a pong of 126 bytes', sends: [pong(Buffer.alloc(126))], outcomes: [closes(1002)] },
    { id: 'P.3', what: 'a ping of 65536 bytes', sends: [ping(Buffer.alloc(65_536))], outcomes: [closes(1002)] },
    {
      id: 'P.4',
      what: 'a ping whose header claims 2^40 bytes',
      sends: [ping('', { claims: 2n ** 40n })],
      outcomes: [closes(1002)]
    },
    {
      id: 'P.5',
      what: 'a close frame of 65536 bytes',
      sends: [close(1000, 'x'.repeat(65_534))],
      outcomes: [closes(1002)]
    },
    {
      id: 'P.6',
      what: 'a ping before a text, and one behind it',
      sends: [Buffer.concat([ping('a'), text('between'), ping('b')])],
      outcomes: [pongs('a'), takes('between'), pongs('b')]
    },
    {
      id: 'P.7',
      what: 'a hundred pings, one after the other\'s pong',
      sends: Array.from({ length: 100 }, (_, n) => [ping(`${n}`), { awaits: n + 1 }]).flat(),
      outcomes: Array.from({ length: 100 }, (_, n) => pongs(`${n}`))
    }
  ]
}
