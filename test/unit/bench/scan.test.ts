import t from 'tap'
import { createScan, type FrameStream, newStream } from '../../../bench/load/scan.ts'

const MARK = { at: 9, bytes: Buffer.from('mes') }

function frame (payload: string | Buffer, opcode = 1): Buffer {
  const bytes = Buffer.from(payload as string)
  if (bytes.length < 126) return Buffer.concat([Buffer.from([0x80 | opcode, bytes.length]), bytes])
  if (bytes.length < 65_536) {
    return Buffer.concat([Buffer.from([0x80 | opcode, 126, bytes.length >> 8, bytes.length & 255]), bytes])
  }
  const head = Buffer.from([0x80 | opcode, 127, 0, 0, 0, 0, 0, 0, 0, 0])
  head.writeUInt32BE(bytes.length, 6)
  return Buffer.concat([head, bytes])
}

function message (contentBytes: number): string {
  return JSON.stringify({ type: 'message', content: 'x'.repeat(contentBytes) })
}

/** Feeds the bytes in pieces, out of one buffer that is overwritten each time, as the generator does. */
function scanned (bytes: Buffer, pieceBytes: number): { stream: FrameStream, whole: string[], others: string[] } {
  const whole: string[] = []
  const others: string[] = []
  const shared = Buffer.alloc(pieceBytes)
  const stream = newStream()
  const scan = createScan(MARK, {
    onMessage: (_, buffer, start, end) => { if (end > 0) whole.push(buffer.toString('utf8', start, end)) },
    onOther: (_, opcode, payload) => { others.push(`${opcode} ${payload.toString()}`) }
  })
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const length = bytes.copy(shared, 0, at, at + pieceBytes)
    scan(stream, shared, length)
  }
  return { stream, whole, others }
}

const TEXTS = [message(0), '{"type":"members","count":1}', message(100), message(126), message(70_000), '2', message(3)]
const BYTES = Buffer.concat([...TEXTS.map((text) => frame(text)), frame('', 9), frame('{"type":"gap"}')])

t.test('messages are counted and whole ones offered; all else is handed on', async (t) => {
  const { stream, whole, others } = scanned(BYTES, BYTES.length)
  t.equal(stream.messages, 5)
  t.strictSame(whole, TEXTS.filter((text) => text.startsWith('{"type":"message"')))
  t.strictSame(others, ['1 {"type":"members","count":1}', '1 2', '9 ', '1 {"type":"gap"}'])
})

t.test('wherever the stream is cut, nothing is missed and nothing counted twice', async (t) => {
  for (const pieceBytes of [1, 2, 3, 5, 7, 13, 64, 1_000, 65_536]) {
    const { stream, others } = scanned(BYTES, pieceBytes)
    t.equal(stream.messages, 5, `in pieces of ${pieceBytes}`)
    t.equal(others.length, 4, `in pieces of ${pieceBytes}`)
    t.equal(stream.skip, 0)
    t.equal(stream.kept, undefined)
  }
})

t.test('what is offered is a message, wherever the stream is cut', async (t) => {
  for (const pieceBytes of [40, 200, 999]) {
    for (const text of scanned(BYTES, pieceBytes).whole) t.ok(TEXTS.includes(text))
  }
})

t.test('of a message that is not all there, no byte is kept', async (t) => {
  const bytes = frame(message(1_000))
  const stream = newStream()
  const scan = createScan(MARK, { onMessage: () => {}, onOther: () => {} })
  scan(stream, bytes, 500)
  t.equal(stream.kept, undefined)
  t.equal(stream.skip, bytes.length - 500)
  scan(stream, bytes.subarray(500), bytes.length - 500)
  t.strictSame({ ...stream }, { messages: 1, skip: 0, kept: undefined })
})
