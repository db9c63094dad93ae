import { type Case, closes, type Outcome, pongs, type Section, takes } from '../case.ts'
import { continuation, fragments, ping, pong, text } from '../client-frames.ts'

/** The three ways in which bytes are written: at once, frame by frame, a byte at a time. */
type Way = 'whole' | 'frames' | 'bytes'
const WORDS: Readonly<Record<Way, string>> = { whole: '', frames: ', each by itself', bytes: ', a byte at a time' }

function tried (id: string, what: string, way: Way, frames: readonly Buffer[], outcomes: readonly Outcome[]): Case {
  return {
    id,
    what: what + WORDS[way],
    sends: way === 'whole' ? [Buffer.concat(frames)] : frames,
    outcomes,
    ...(way === 'bytes' ? { chopBytes: 1 } : {})
  }
}

const open = { fin: false }
const two = fragments(['first, ', 'second'])
const withPing = [two[0]!, ping('between'), two[1]!]
const afterNothing = [continuation('of nothing'), text('Hello')]
const openAfterNothing = [continuation('of nothing', open), text('Hello')]
const five = fragments(['1', '2', '3', '4', '5'])
const pinged = [five[0]!, five[1]!, ping('a'), five[2]!, five[3]!, ping('b'), five[4]!]

export const fragmentation: Section = {
  id: '5',
  title: 'fragments',
  cases: [
    tried('5.1', 'a ping in two fragments', 'frames', [ping('a', open), continuation('b')], [closes(1002)]),
    tried('5.2', 'a pong in two fragments', 'frames', [pong('a', open), continuation('b')], [closes(1002)]),
    tried('5.3', 'a text in two fragments', 'frames', two, [takes('first, second')]),
    tried('5.4', 'the same', 'whole', two, [takes('first, second')]),
    tried('5.5', 'the same', 'bytes', two, [takes('first, second')]),
    tried('5.6', 'a ping between two fragments', 'frames', withPing, [pongs('between'), takes('first, second')]),
    tried('5.7', 'the same', 'whole', withPing, [pongs('between'), takes('first, second')]),
    tried('5.8', 'the same', 'bytes', withPing, [pongs('between'), takes('first, second')]),
    tried('5.9', 'a last fragment of nothing, then a text', 'frames', afterNothing, [closes(1002)]),
    tried('5.10', 'the same', 'whole', afterNothing, [closes(1002)]),
    tried('5.11', 'the same', 'bytes', afterNothing, [closes(1002)]),
    tried('5.12', 'a middle fragment of nothing, then a text', 'frames', openAfterNothing, [closes(1002)]),
    tried('5.13', 'the same', 'whole', openAfterNothing, [closes(1002)]),
    tried('5.14', 'the same', 'bytes', openAfterNothing, [closes(1002)]),
    {
      id: '5.15',
      what: 'a text in two fragments, then a middle fragment of nothing, then a text',
      sends: [Buffer.concat(two), { awaits: 1 }, continuation('of nothing', open), text('never read')],
      outcomes: [takes('first, second'), closes(1002)]
    },
    tried('5.16', 'a middle fragment of nothing, then a text in two, twice', 'frames',
      [continuation('x', open), ...two, continuation('x', open), ...two], [closes(1002)]),
    tried('5.17', 'a last fragment of nothing, then a text in two, twice', 'frames',
      [continuation('x'), ...two, continuation('x'), ...two], [closes(1002)]),
    tried('5.18', 'a text in two fragments that both say text', 'frames', [text('a', open), text('b')], [closes(1002)]),
    {
      // The second half waits for the first ping's pong, where Autobahn waits for a second.
      id: '5.19',
      what: 'a text in five fragments with two pings among them, with a pause',
      sends: [...pinged.slice(0, 3), { awaits: 1 }, ...pinged.slice(3)],
      outcomes: [pongs('a'), pongs('b'), takes('12345')]
    },
    tried('5.20', 'the same without a pause', 'whole', pinged, [pongs('a'), pongs('b'), takes('12345')])
  ]
}
