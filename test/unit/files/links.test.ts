import t from 'tap'
import { FILE_ID } from '../../../src/files/files.ts'
import { FileLinks, newFileId } from '../../../src/files/links.ts'

const SECRET = 'x'.repeat(32)

t.test('a link holds for one or two windows, on every replica, for its room alone', async (t) => {
  let nowS = 6_000
  const [a, b] = [new FileLinks(SECRET, () => nowS), new FileLinks(SECRET, () => nowS)]
  const link = a.sign('general')
  t.equal(link.expires, 7_200)
  t.equal(b.verify('general', link), 'good')
  t.equal(b.verify('other', link), 'bad')
  t.equal(b.verify('general', { ...link, expires: 9_000 }), 'bad')
  t.equal(new FileLinks('y'.repeat(32), () => nowS).verify('general', link), 'bad')
  nowS = 6_599
  t.strictSame(b.sign('general'), link, 'the same for everyone in a window')
  nowS = 7_199
  t.equal(b.verify('general', link), 'good')
  nowS = 7_200
  t.equal(b.verify('general', link), 'expired')
  t.equal(b.verify('general', { ...link, signature: '' }), 'bad')
})

t.test('an id is what a store takes; one of a key is the same each time, and another for anything else', async (t) => {
  const links = new FileLinks(SECRET)
  t.match(newFileId(), FILE_ID)
  t.not(newFileId(), newFileId())
  t.match(links.idOf(['a', 1]), FILE_ID)
  t.equal(links.idOf(['a', 1]), new FileLinks(SECRET).idOf(['a', 1]))
  t.not(links.idOf(['a', 1]), links.idOf(['a', '1']))
  t.not(links.idOf(['a', 1]), new FileLinks('y'.repeat(32)).idOf(['a', 1]))
})
