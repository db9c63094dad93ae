import { type Case, closes, type Section, takes, takesBinary } from '../case.ts'
import { binary, close, continuation, ping, text } from '../client-frames.ts'

const SIZES = [0, 125, 126, 127, 128, 65_535, 65_536]
const CHOP_BYTES = 997

/** Frames of the sizes at which a header changes its form, whole and in pieces. */
export const framing: Section = {
  id: '1',
  title: 'frames of all sizes',
  cases: [
    ...SIZES.map((size, index): Case => ({
      id: `1.1.${index + 1}`,
      what: `a text of ${size} bytes`,
      sends: [text('*'.repeat(size))],
      outcomes: [takes('*'.repeat(size))]
    })),
    {
      id: '1.1.8',
      what: `a text of 65536 bytes, written ${CHOP_BYTES} bytes at a time`,
      sends: [text('*'.repeat(65_536))],
      chopBytes: CHOP_BYTES,
      outcomes: [takes('*'.repeat(65_536))]
    },
    ...SIZES.map((size, index): Case => {
      const payload = Buffer.alloc(size, 0xfe)
      return {
        id: `1.2.${index + 1}`, what: `${size} binary bytes`, sends: [binary(payload)], outcomes: [takesBinary(payload)]
      }
    }),
    {
      id: '1.2.8',
      what: `65536 binary bytes, written ${CHOP_BYTES} bytes at a time`,
      sends: [binary(Buffer.alloc(65_536, 0xfe))],
      chopBytes: CHOP_BYTES,
      outcomes: [takesBinary(Buffer.alloc(65_536, 0xfe))]
    }
  ]
}

const UNMASKED = { mask: undefined }
const FRAMES = {
  'a text': text('Hello', UNMASKED),
  'binary bytes': binary('Hello', UNMASKED),
  'an empty text': text('', UNMASKED),
  'a ping': ping('', UNMASKED),
  'a close frame': close(1000, '', UNMASKED)
}

/** A client masks every frame; by what, is its own choice. */
export const masks: Section = {
  id: 'M',
  title: 'masks (ours)',
  cases: [
    ...Object.entries(FRAMES).map(([what, bytes], index): Case => ({
      id: `M.1.${index + 1}`, what: `${what} without a mask`, sends: [bytes], outcomes: [closes(1002)]
    })),
    {
      id: 'M.1.6',
      what: 'a fragmented text, of which the second part has no mask',
      sends: [text('Hel', { fin: false }), continuation('lo', UNMASKED)],
      outcomes: [closes(1002)]
    },
    {
      id: 'M.1.7',
      what: 'a text, and then one without a mask',
      sends: [text('first'), { awaits: 1 }, text('second', UNMASKED)],
      outcomes: [takes('first'), closes(1002)]
    },
    ...([[0, 0, 0, 0], [255, 255, 255, 255], [0, 0, 0, 1]] as const).map((mask, index): Case => ({
      id: `M.2.${index + 1}`,
      what: `a text that is masked with ${mask.join(' ')}`,
      sends: [text('masked anyhow', { mask })],
      outcomes: [takes('masked anyhow')]
    })),
    {
      id: 'M.2.4',
      what: 'a mask of its own for each fragment',
      sends: [text('ab', { fin: false, mask: [1, 2, 3, 4] }), continuation('cde', { mask: [9, 8, 7, 6] })],
      outcomes: [takes('abcde')]
    }
  ]
}
