import { type Case, closes, type Section, takes } from '../case.ts'
import { binary, fragments, pieces, text } from '../client-frames.ts'

const asked = (id: unknown): string => JSON.stringify({ type: 'ping', id })
const whole = (id: string, what: string, ...texts: string[]): Case =>
  ({ id, what, sends: texts.map((each) => text(each)), outcomes: texts.map((each) => takes(each)) })

const NO_JSON = [
  '', 'no JSON', '{', '{"type":"ping"', "{'type':'ping'}", '\ufeff{"type":"ping"}', '{"type":"ping"}{"type":"ping"}'
]
const NO_OBJECTS = ['null', 'true', '1', '"ping"', '[]', '[{"type":"ping"}]']

/** What the gateway makes of whole messages: a reply's id is what came of the bytes that were sent. */
export const requests: Section = {
  id: 'G',
  title: 'requests to the gateway (ours)',
  cases: [
    whole('G.1.1', 'a request', asked(1)),
    whole('G.1.2', 'a request whose id is of many alphabets', asked('Grüße, κόσμε, 日本語, 🙂')),
    {
      id: 'G.1.3',
      what: 'the same in fragments of one byte',
      sends: fragments(pieces(asked('κόσμε 日本 🙂'), 1)),
      outcomes: [takes(asked('κόσμε 日本 🙂'))]
    },
    {
      id: 'G.1.4',
      what: 'a request, a byte at a time',
      sends: [text(asked('slow'))],
      chopBytes: 1,
      outcomes: [takes(asked('slow'))]
    },
    whole('G.1.5', 'twenty requests are answered in their order', ...Array.from({ length: 20 }, (_, n) => asked(n))),
    whole('G.1.6', 'a request of 60000 bytes', JSON.stringify({ type: 'ping', id: 1, unknown: 'x'.repeat(60_000) })),
    {
      id: 'G.1.7',
      what: 'twenty requests in one write',
      sends: [Buffer.concat(Array.from({ length: 20 }, (_, n) => text(asked(n))))],
      outcomes: Array.from({ length: 20 }, (_, n) => takes(asked(n)))
    },
    ...NO_JSON.map((each, index) => whole(`G.2.${index + 1}`, 'a text that is no JSON', each)),
    ...NO_OBJECTS.map((each, index) => whole(`G.3.${index + 1}`, 'JSON that is no object', each)),
    whole('G.3.7', 'a request after a text that was none', 'no JSON', asked('after')),
    { id: 'G.4.1', what: 'a request in a binary frame', sends: [binary(asked(1))], outcomes: [closes(1003)] },
    {
      id: 'G.4.2', what: 'the same in two fragments', sends: fragments([asked(1), ' '], 2), outcomes: [closes(1003)]
    },
    {
      id: 'G.4.3',
      what: 'a request, then a binary frame',
      sends: [text(asked(1)), { awaits: 1 }, binary()],
      outcomes: [takes(asked(1)), closes(1003)]
    },
    {
      id: 'G.5.1',
      what: 'more than ten malformed frames in a minute',
      sends: Array.from({ length: 11 }, () => text('no JSON')),
      outcomes: [...Array(11).fill(takes('no JSON')), closes(4400)]
    }
  ]
}
