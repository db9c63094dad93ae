import t from 'tap'
import { HEAD_BYTES, isPicture, mediaOf } from '../../../src/files/media-types.ts'
import { GIF, JPEG, PNG, WEBP } from '../../helpers/pictures.ts'

const AVIF = Buffer.from('0000001c66747970617669660000000061766966' + '6d6966316d696166', 'hex')

t.test('pictures tell their size, where they do', async (t) => {
  for (const [picture, mediaType] of [[PNG, 'image/png'], [JPEG, 'image/jpeg'], [GIF, 'image/gif'], [WEBP, 'image/webp']] as const) {
    t.match(await mediaOf(picture, '', ''), { mediaType, width: 3, height: 2 })
    t.ok(isPicture(mediaType))
  }
  t.strictSame(await mediaOf(AVIF, 'a.avif', ''), { mediaType: 'image/avif', extensions: ['avif'] })
  t.strictSame(await mediaOf(PNG.subarray(0, 20), '', ''), { mediaType: 'image/png', extensions: ['png'] }, 'a half of one')
  for (const mediaType of ['text/plain', 'application/pdf', 'image/svg+xml', 'constructor', '']) t.notOk(isPicture(mediaType), mediaType)
})

t.test('a text may be cut within a character where it goes on, and nowhere else', async (t) => {
  const euros = Buffer.from('€'.repeat(HEAD_BYTES)).subarray(0, HEAD_BYTES)
  t.not(HEAD_BYTES % 3, 0, 'the last one is cut')
  t.match(await mediaOf(euros, '', ''), { mediaType: 'text/plain' })
  t.type(await mediaOf(Buffer.from('€').subarray(0, 2), '', ''), 'string')
  t.match(await mediaOf(Buffer.from('\x1b[31mred\x1b[0m\tlog\r\n'), '', ''), { mediaType: 'text/plain' })
  for (const text of ['a\0', 'a\x08', 'a\x7f']) t.type(await mediaOf(Buffer.from(text), '', ''), 'string')
})

t.test('a picture that is made to be looked at for long is not', async (t) => {
  const box = (name: string, content: Buffer): Buffer => {
    const head = Buffer.alloc(8)
    head.writeUInt32BE(8 + content.length)
    head.write(name, 4)
    return Buffer.concat([head, content])
  }
  // As many boxes as fit, of which each is compared with all that follow.
  const sizes = Buffer.concat(Array.from({ length: 3_200 }, () => box('ispe', Buffer.alloc(12, 1))))
  const meta = box('meta', Buffer.concat([Buffer.alloc(4), box('iprp', box('ipco', sizes))]))
  const picture = Buffer.concat([box('ftyp', Buffer.from('avif\0\0\0\0avifmif1')), meta, Buffer.alloc(HEAD_BYTES)]).subarray(0, HEAD_BYTES)
  const startMs = performance.now()
  t.match(await mediaOf(picture, 'a.avif', ''), { mediaType: 'image/avif' })
  const tookMs = performance.now() - startMs
  t.ok(tookMs < 50, `${tookMs} ms`)
})
