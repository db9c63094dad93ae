import t from 'tap'
import { isMessage, ReplySplitter } from '../helpers/resp.ts'

const REPLIES = [
  '+OK\r\n', ':42\r\n', '$3\r\na\r\n\r\n', '$-1\r\n', '*2\r\n$1\r\na\r\n*1\r\n:1\r\n', '*-1\r\n', '*0\r\n', '_\r\n', '#t\r\n',
  '%1\r\n+a\r\n:1\r\n', '>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\n\r\n\r\n\r\n', '-ERR no\r\n'
]

t.test('what a server sends is cut into whole replies, however it comes', (t) => {
  for (let size = 1; size < 40; size++) {
    const splitter = new ReplySplitter()
    const all = Buffer.from(REPLIES.join(''))
    const out: string[] = []
    for (let at = 0; at < all.length; at += size) out.push(...splitter.take(all.subarray(at, at + size)).map(String))
    t.strictSame(out, REPLIES, `pieces of ${size}`)
  }
  t.end()
})

t.test('a message of Pub/Sub is told from other replies', (t) => {
  t.strictSame(REPLIES.filter((reply) => isMessage(Buffer.from(reply))), [REPLIES[10]])
  t.ok(isMessage(Buffer.from('*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n')))
  t.notOk(isMessage(Buffer.from('>3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n')))
  t.end()
})
