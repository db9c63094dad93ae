/** Byte sequences of one kind. Whether one is UTF-8 is Node's word (unit tests know it in other ways, too). */
export interface Group { readonly what: string, readonly sequences: readonly Buffer[] }

function hex (...sequences: string[]): Buffer[] {
  return sequences.map((each) => Buffer.from(each, 'hex'))
}

function utf8 (text: string): Buffer {
  return Buffer.from(text)
}

function range (from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, n) => from + n)
}

// Its accent is of the Greek block of three bytes.
const GREEK = Buffer.from('κ\u1f79σμε')
const INCOMPLETE = hex(
  'c0', 'e080', 'f08080', 'f8808080', 'fc80808080', 'df', 'efbf', 'f7bfbf', 'fbbfbfbf', 'fdbfbfbfbf'
)
const HIGH_SURROGATES = ['eda080', 'edadbf', 'edae80', 'edafbf']
const LOW_SURROGATES = ['edb080', 'edbfbf']

/** The last two code points of each plane but the first, which are no characters. */
const PLANE_ENDS = range(1, 17).flatMap((plane) =>
  [0xfffe, 0xffff].map((end) => String.fromCodePoint(plane * 0x10000 + end)))

/** The groups of Autobahn's sections 6.5 to 6.23, in its order, after Markus Kuhn's list of what decoders get wrong. */
export const GROUPS: readonly Group[] = [
  {
    what: 'text',
    sequences: ['hello$world', 'hello¢world', 'hello€world', 'hello𤭢world', String(GREEK)].map(utf8)
  },
  {
    what: 'the first bytes of a text',
    sequences: range(1, GREEK.length + 1).map((length) => GREEK.subarray(0, length))
  },
  { what: 'the first of its length', sequences: hex('00', 'c280', 'e0a080', 'f0908080') },
  { what: 'the first of a length that is too long', sequences: hex('f888808080', 'fc8480808080') },
  { what: 'the last of its length', sequences: hex('7f', 'dfbf', 'efbfbf', 'f48fbfbf') },
  { what: 'the last of a length, and too high', sequences: hex('f7bfbfbf', 'fbbfbfbfbf', 'fdbfbfbfbfbf') },
  { what: 'at a bound', sequences: hex('ed9fbf', 'ee8080', 'efbfbd', 'f48fbfbf', 'f4908080') },
  {
    what: 'the rest of a character without its beginning',
    sequences: [
      ...hex('80', 'bf', '80bf', '80bf80', '80bf80bf', '80bf80bf80', '80bf80bf80bf'), Buffer.from(range(0x80, 0xc0))
    ]
  },
  {
    what: 'the beginnings of characters without their rest',
    sequences: [[0xc0, 0xe0], [0xe0, 0xf0], [0xf0, 0xf8], [0xf8, 0xfc], [0xfc, 0xfe]]
      .map(([from, to]) => Buffer.from(range(from!, to!).flatMap((byte) => [byte, 0x20])))
  },
  { what: 'a character without its last byte', sequences: INCOMPLETE },
  { what: 'all of these, one behind the other', sequences: [Buffer.concat(INCOMPLETE)] },
  { what: 'bytes that are nowhere in UTF-8', sequences: hex('fe', 'ff', 'fefeffff') },
  {
    what: 'a slash in more bytes than it takes',
    sequences: hex('c0af', 'e080af', 'f08080af', 'f8808080af', 'fc80808080af')
  },
  {
    what: 'the highest in more bytes than it takes',
    sequences: hex('c1bf', 'e09fbf', 'f08fbfbf', 'f887bfbfbf', 'fc83bfbfbfbf')
  },
  {
    what: 'NUL in more bytes than it takes',
    sequences: hex('c080', 'e08080', 'f0808080', 'f880808080', 'fc8080808080')
  },
  {
    what: 'half a surrogate pair',
    sequences: hex(...HIGH_SURROGATES, LOW_SURROGATES[0]!, 'edbe80', LOW_SURROGATES[1]!)
  },
  {
    what: 'a surrogate pair',
    sequences: HIGH_SURROGATES.flatMap((high) => LOW_SURROGATES.flatMap((low) => hex(high + low)))
  },
  {
    what: 'a code point that is no character, and allowed',
    sequences: ['\ufffe', '\uffff', ...PLANE_ENDS].map(utf8)
  },
  { what: 'a special of Unicode', sequences: range(0xfff9, 0x10000).map((code) => utf8(String.fromCodePoint(code))) }
]
