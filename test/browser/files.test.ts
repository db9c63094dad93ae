import { deflateSync, crc32 } from 'node:zlib'
import t from 'tap'
import { goBy, isOnline, open } from '../helpers/browser.ts'
import { startGateway } from '../helpers/gateway.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { SECRET, tokenOf } from '../helpers/tokens.ts'
import { freePort } from '../../cluster/ports.ts'
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
    await ann.setInputFiles('#file', { name: "ann's sea (1).png", mimeType: 'image/png', buffer: png(900, 300) })
    for (const page of [ann, bob]) {
      const picture = page.locator('#messages .picture img')
      await picture.waitFor()
      await eventually('it is shown', async () => await page.evaluate<number>('document.querySelector("#messages .picture img").naturalWidth') === 900)
      const attributes = ['width', 'height', 'alt'].map((name) => picture.getAttribute(name))
      t.strictSame(await Promise.all(attributes), ['360', '120', "ann's sea (1).png"], 'its size is known before it comes')
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

t.test('where no files are shared there is no button for it, and one that is dropped does not take the chat away', async (t) => {
  const { http } = await startGateway(t, { FILES: 'off' })
  const ann = await open(t, `${http}/chat`)
  await goBy(ann, 'ann')
  t.equal(await ann.locator('#attach, #file').count(), 0)
  const isTaken = await ann.evaluate<boolean[]>(`['dragover', 'drop'].map((type) => {
    const dataTransfer = new DataTransfer()
    dataTransfer.items.add(new File(['x'], 'x.txt'))
    return !document.querySelector('.view').dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }))
  })`)
  t.strictSame(isTaken, [true, true])
  t.equal(await ann.locator('.uploads').count(), 0)
})

t.test('many files at once all come; one that is too large is not even sent', async (t) => {
  const { http } = await startGateway(t, { FILES_DIR: t.testdir(), FILE_MAX_BYTES: '1000' })
  const ann = await open(t, `${http}/chat`)
  await goBy(ann, 'ann')
  const notes = Array.from({ length: 15 }, (_, n) => ({ name: `note-${n}.txt`, mimeType: 'text/plain', buffer: Buffer.from(`note ${n}`) }))
  const large = { name: 'large.txt', mimeType: 'text/plain', buffer: Buffer.alloc(1_001, 'x') }
  const sent: string[] = []
  ann.on('request', (request) => { if (request.method() === 'POST') sent.push(request.url()) })
  await ann.setInputFiles('#file', [large, ...notes])
  await eventually('all are there', async () => await ann.locator('#messages a.file').count() === notes.length)
  t.match(await ann.locator('.uploads .failed').textContent(), /large\.txt.*larger than 1\.0 KB/)
  t.equal(sent.length, notes.length)
})

t.test('a file that is sent slowly shows how far it is and can be cancelled; without a connection it waits', async (t) => {
  const { http, port } = await startGateway(t, { FILES_DIR: t.testdir() })
  const proxy = await TcpProxy.start(t, port)
  const ann = await open(t, `http://127.0.0.1:${proxy.port}/chat`)
  const bob = await open(t, `${http}/chat`)
  await goBy(ann, 'ann')
  await goBy(bob, 'bob')
  const file = (name: string): { name: string, mimeType: string, buffer: Buffer } =>
    ({ name, mimeType: 'text/plain', buffer: Buffer.alloc(4_000_000, 'x') })
  proxy.bytesPerSecond = 200_000
  await ann.setInputFiles('#file', file('secret.txt'))
  await ann.locator('.uploads progress').waitFor()
  await ann.getByLabel('Cancel secret.txt').click()
  t.equal(await ann.locator('.uploads').count(), 0)

  proxy.bytesPerSecond = 0
  proxy.targetPort = await freePort()
  proxy.cut()
  await ann.locator('#status:not([data-state="online"])').waitFor()
  await ann.setInputFiles('#file', file('plans.txt'))
  await ann.locator('.uploads', { hasText: 'Waits for the connection' }).waitFor()
  proxy.targetPort = port
  await bob.locator('#messages a.file', { hasText: 'plans.txt' }).waitFor()
  t.equal(await bob.locator('#messages a.file', { hasText: 'secret.txt' }).count(), 0)
})

t.test('a link that cannot be had just now is asked for again, and never is the token in an address', async (t) => {
  const { http, port } = await startGateway(t, { FILES_DIR: t.testdir(), AUTH_SECRET: SECRET })
  const proxy = await TcpProxy.start(t, port)
  const ann = await open(t, `${http}/chat#token=${await tokenOf('ann')}`)
  const bob = await open(t, `http://127.0.0.1:${proxy.port}/chat#token=${await tokenOf('bob')}`)
  await isOnline(bob, /as bob via/)
  const asked: string[] = []
  bob.on('request', (request) => asked.push(request.url()))
  await bob.route('**/files/link', async (route) => await route.abort('internetdisconnected'), { times: 1 })
  await ann.setInputFiles('#file', { name: 'sea.png', mimeType: 'image/png', buffer: png(90, 30) })
  const isShown = async (): Promise<boolean> =>
    await bob.evaluate<number | undefined>('document.querySelector("#messages .picture img")?.naturalWidth') === 90
  await eventually('it is shown', isShown, 10_000)
  t.ok(asked.length > 0)
  t.strictSame(asked.filter((url) => url.startsWith('http') && url.includes('token=')), [])

  await bob.route('**/files/*/*.png?*', async (route) => await route.abort('internetdisconnected'))
  await ann.setInputFiles('#file', { name: 'hill.png', mimeType: 'image/png', buffer: png(80, 30) })
  await bob.locator('#messages a.file', { hasText: 'hill.png' }).waitFor()
  await bob.unroute('**/files/*/*.png?*')
  proxy.cut()
  await bob.locator('#messages .picture img[alt="hill.png"]').waitFor()
  await eventually('it is loaded again', async () =>
    await bob.evaluate<number | undefined>('document.querySelector("#messages img[alt=\'hill.png\']")?.naturalWidth') === 80)
})
