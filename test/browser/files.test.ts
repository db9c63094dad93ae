import { deflateSync, crc32 } from 'node:zlib'
import t from 'tap'
import { goBy, isOnline, open } from '../helpers/browser.ts'
import { startGateway } from '../helpers/gateway.ts'
import { SECRET, tokenOf } from '../helpers/tokens.ts'
import { eventually } from '../../cluster/until.ts'

function chunk (type: string, data: Buffer): Buffer {
  const head = Buffer.from(type)
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  check.writeUInt32BE(crc32(Buffer.concat([head, data])))
  return Buffer.concat([length, head, data, check])
}

/** A picture of one colour, as PNG (RFC 2083). */
function png (width: number, height: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 0], 8)
  const rows = Buffer.alloc((width + 1) * height, 120)
  for (let row = 0; row < height; row++) rows[row * (width + 1)] = 0
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))])
}

for (const auth of [false, true]) {
  t.test(`a picture is shared, and seen ${auth ? 'by who has a token' : 'in an open gateway'}; a file is there to save`, async (t) => {
    const { http } = await startGateway(t, { FILES_DIR: t.testdir(), ...(auth ? { AUTH_SECRET: SECRET } : {}) })
    const token = async (name: string): Promise<string> => auth ? `#token=${await tokenOf(name)}` : ''
    const ann = await open(t, `${http}/chat${await token('ann')}`)
    const bob = await open(t, `${http}/chat${await token('bob')}`)
    if (!auth) {
      await goBy(ann, 'ann')
      await goBy(bob, 'bob')
    }
    await isOnline(ann, /as ann via/)
    await isOnline(bob, /as bob via/)
    await ann.setInputFiles('#file', { name: 'sea.png', mimeType: 'image/png', buffer: png(900, 300) })
    for (const page of [ann, bob]) {
      const picture = page.locator('#messages .picture img')
      await picture.waitFor()
      await eventually('it is shown', async () => await page.evaluate<number>('document.querySelector("#messages .picture img").naturalWidth') === 900)
      const attributes = ['width', 'height', 'alt'].map((name) => picture.getAttribute(name))
      t.strictSame(await Promise.all(attributes), ['360', '120', 'sea.png'], 'its size is known before it comes')
      t.match(await page.locator('#messages .line', { has: page.locator('.picture img') }).locator('.from').textContent(), 'ann')
    }
    await bob.setInputFiles('#file', { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('some notes') })
    await ann.locator('#messages a.file', { hasText: 'notes.txt' }).waitFor()
    await ann.setInputFiles('#file', { name: 'x.bin', mimeType: 'application/octet-stream', buffer: Buffer.from([0, 1, 2, 255]) })
    await ann.locator('.uploads .failed', { hasText: 'it must be PNG' }).waitFor()
    t.equal(await ann.locator('.uploads').getByText('Try again').count(), 0, 'it would be refused again')
    await ann.locator('.uploads').getByText('Discard').click()
    t.equal(await ann.locator('.uploads').count(), 0)
  })
}

t.test('where no files are shared, the chat says so', async (t) => {
  const { http } = await startGateway(t, { FILES: 'off' })
  const ann = await open(t, `${http}/chat`)
  await goBy(ann, 'ann')
  await ann.setInputFiles('#file', { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('some notes') })
  await ann.locator('.uploads .failed', { hasText: 'this gateway shares no files' }).waitFor()
  t.equal(await ann.locator('.uploads').getByText('Try again').count(), 0)
})

t.test('a file can be dropped and pasted', async (t) => {
  const { http } = await startGateway(t, { FILES_DIR: t.testdir() })
  const ann = await open(t, `${http}/chat`)
  await goBy(ann, 'ann')
  const bytes = JSON.stringify([...png(40, 20)])
  await ann.evaluate(`(() => {
    const data = (name) => {
      const transfer = new DataTransfer()
      transfer.items.add(new File([new Uint8Array(${bytes})], name, { type: 'image/png' }))
      return transfer
    }
    const view = document.querySelector('.view')
    view.dispatchEvent(new DragEvent('dragover', { dataTransfer: data('dropped.png'), bubbles: true, cancelable: true }))
    view.dispatchEvent(new DragEvent('drop', { dataTransfer: data('dropped.png'), bubbles: true, cancelable: true }))
    document.getElementById('text').dispatchEvent(new ClipboardEvent('paste', { clipboardData: data('pasted.png'), bubbles: true, cancelable: true }))
  })()`)
  for (const name of ['dropped.png', 'pasted.png']) await ann.locator(`#messages img[alt="${name}"]`).waitFor()
})
