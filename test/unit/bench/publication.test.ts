import t from 'tap'
import { PROTOCOLS } from '../../../bench/load/protocols.ts'
import { createPublication, sentUs } from '../../../bench/load/publication.ts'

function unmasked (frame: Buffer): Buffer {
  const start = (frame[1]! & 0x7f) === 126 ? 8 : 6
  return Buffer.from(frame.subarray(start).map((byte, index) => byte ^ frame[start - 4 + (index & 3)]!))
}

t.test('a publication says when it was sent, in content of the length that was asked for', async (t) => {
  for (const [name, protocol] of Object.entries(PROTOCOLS)) {
    for (const bytes of [17, 128, 1_024]) {
      const payload = unmasked(createPublication(protocol, 'a-room', bytes).stamped(1_234_567))
      t.equal(sentUs(payload, 0, payload.length), 1_234_567, name)
      t.match(payload.toString(), `"@0000000001234567${'x'.repeat(bytes - 17)}"`)
    }
  }
})

t.test('what does not say it is told apart', async (t) => {
  for (const text of ['{"type":"message"}', '@12345']) t.equal(sentUs(Buffer.from(text), 0, text.length), -1)
})
