import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { eventually } from '../../cluster/until.ts'
import { connect } from '../helpers/client.ts'
import { goBy, isOnline, open, say, shows, texts } from '../helpers/browser.ts'
import { type RunningGateway, startGateway } from '../helpers/gateway.ts'
import { PNG } from '../helpers/pictures.ts'
import { SECRET, tokenOf } from '../helpers/tokens.ts'

interface Shared { readonly file: { readonly id: string, readonly name: string, readonly url: string } }

const FREE = { RATE_HTTP: '0', RATE_FILES: '0' }

async function start (t: Test, env: Readonly<Record<string, string>> = {}): Promise<RunningGateway> {
  return await startGateway(t, { ...FREE, FILES_DIR: t.testdir(), ...env })
}

/** Not by `waitForFunction`, which our policy forbids where the picture is not there yet. */
async function isShown (page: Page): Promise<void> {
  const width = 'document.querySelector("#messages .picture img").naturalWidth'
  await eventually('the picture is shown', async () => await page.evaluate<number>(width) === 3)
}

/** @param content JSON as it is sent */
async function publish (http: string, content: string, from = 'eve'): Promise<void> {
  const body = `{"from":${JSON.stringify(from)},"content":${content}}`
  const answer = await fetch(`${http}/rooms/general/messages`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  if (!answer.ok) throw new Error(await answer.text())
}

async function share (http: string, name: string, body: string | Buffer = PNG): Promise<Shared['file']> {
  const answer = await fetch(`${http}/rooms/general/files?name=${encodeURIComponent(name)}`, { method: 'POST', body })
  return (await answer.json() as Shared).file
}

t.test('what stands behind the # breaks nothing, and a room is never a token', async (t) => {
  const { http } = await start(t)
  for (const hash of ['#%', '#%E0%A4%A', '#..', '#token%3Dx']) {
    const page = await open(t, `${http}/chat${hash}`)
    await isOnline(page, /^Online/)
    await page.evaluate('location.hash = "%"')
    await say(page, `behind ${hash}`)
    await shows(page, 'guest-', `behind ${hash}`)
  }
  const page = await open(t, `${http}/chat`)
  await isOnline(page, /^Online/)
  await page.fill('#join-room', 'token=eyJhbGciOiJIUzI1NiJ9.e30.AAAA')
  await page.press('#join-room', 'Enter')
  await page.locator('#room', { hasText: 'token=' }).waitFor()
  await page.reload()
  await isOnline(page, /^Online/)
  t.equal(await page.textContent('#room'), 'token=eyJhbGciOiJIUzI1NiJ9.e30.AAAA')
  t.equal(await page.evaluate('sessionStorage.length'), 0, 'nobody has signed in')
})

t.test('the link that skips to the conversation joins no room', async (t) => {
  const { http } = await start(t)
  const page = await open(t, `${http}/chat`)
  await isOnline(page, /^Online/)
  await page.focus('.skip')
  await page.keyboard.press('Enter')
  t.equal(await page.evaluate('document.activeElement.id'), 'main')
  t.strictSame(await page.locator('#rooms .room-name').allTextContents(), ['general'])
})

t.test('a file is shown whatever it is called, and saved under the name that the gateway gave it', async (t) => {
  const { http } = await start(t)
  const names = ['cat (1).png', "it's a..b!.png", '100%25.png', '#1 & more+.png', 'Grüße 🐱.png', '漢'.repeat(96) + '.png']
  for (const name of names) t.equal((await share(http, name)).name, name)
  const { file } = { file: await share(http, 'notes (2).txt', 'some notes') }
  const page = await open(t, `${http}/chat`)
  for (const name of names) await page.getByAltText(name, { exact: true }).waitFor()
  const shown = 'Array.from(document.querySelectorAll("#messages .picture img"), (one) => one.naturalWidth)'
  await eventually('all are loaded', async () => (await page.evaluate<number[]>(shown)).join() === names.map(() => 3).join())
  const link = page.locator('#messages a.file')
  t.equal(await link.getAttribute('href'), file.url)
  t.equal(await link.getAttribute('download'), '', 'under no name of a message')
})

t.test('a message that looks like a file leads to no other address, and lies about no name', async (t) => {
  const { http } = await start(t)
  const { id, url } = await share(http, 'a.png')
  const real = { type: 'file', id, name: 'a.png', mediaType: 'image/png', bytes: 1, url, width: 3, height: 2 }
  const forged: object[] = [
    { url: `https://evil.example${url}` }, { url: `//evil.example${url}` }, { url: `javascript:alert(1)//${url}` }, { url: `data:text/html,${url}` },
    { url: `/files/${id}/%2e%2e/%2e%2e/position` }, { url: '/files/%2e%2e/position' }, { url: '/files/../position' }, { url: `/files/${id}/..` },
    { url: `\\files\\${id}\\a.png` }, { url: ` ${url}` }, { url: `${url}?token=x` }, { url: `${url}#x` }, { url: `/position/..${url}` },
    { name: 'invoice.hta' }, { name: '..', url: `/files/${id}/..` }, { id: '../../position', name: 'x', url: '/files/../../position/x' },
    { name: 'x'.repeat(10_000), url: `/files/${id}/${'x'.repeat(10_000)}` }, { mediaType: 'x'.repeat(10_000) }, { mediaType: 7 },
    { bytes: -1 }, { bytes: 0.5 }, { bytes: '1' }, { type: ['file'] }, { id: [id] }, { url: [url] }
  ]
  for (const each of forged) await publish(http, JSON.stringify({ ...real, ...each }))
  const halves = JSON.stringify({ ...real, name: 'HALF', url: `/files/${id}/HALF` }).replaceAll('HALF', '\\ud800')
  await publish(http, halves)
  // JSON says more than numbers can hold.
  await publish(http, JSON.stringify(real).replace('"width":3', '"width":1e999').replace('"height":2', '"height":"__"'))
  const asked: string[] = []
  const page = await open(t, 'about:blank')
  page.on('request', (request) => { asked.push(new URL(request.url()).pathname) })
  await page.goto(`${http}/chat`)
  await page.locator('#messages pre').nth(forged.length).waitFor()
  t.equal(await page.locator('#messages pre').count(), forged.length + 1, 'each as the JSON that it is')
  t.equal(await page.locator('#messages a.picture').count(), 1)
  t.equal(await page.locator('#messages a.file').count(), 1, 'one without a size is a file to save')
  const places = /^\/(?:chat|assets\/.*|favicon\.ico|files\/[\w-]{22}\/a\.png)$/
  t.strictSame(asked.filter((path) => !places.test(path)), [])
})

t.test('no content stops the page, or takes it over', async (t) => {
  const { http } = await start(t)
  const strange = [
    'null', 'true', '0', '-0', '1e999', '""', '[]', '{}', '"\\ud800"', '"\\u0000\\u0007"', `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
    '{"__proto__":{"type":"file"}}', '{"type":"file"}', '{"type":"typing"}', '{"toString":1,"constructor":null}', '{"toJSON":"x"}',
    '{"__html":"<b>x</b>"}', '{"dangerouslySetInnerHTML":{"__html":"<img src=x onerror=alert(1)>"}}',
    '{"type":"img","props":{"src":"x"},"constructor":null,"__k":null}', JSON.stringify(`a${'\u0301'.repeat(8_000)}`), JSON.stringify('\u202e'.repeat(1_000))
  ]
  for (const content of strange) await publish(http, content, '__proto__')
  const attacks = ['<img src=x onerror=alert(1)>', 'javascript:alert(1)', '[x](javascript:alert(1))', 'https://x.y"onclick="alert(1)', "https://x.y' onclick='alert(1)"]
  for (const text of attacks) await publish(http, JSON.stringify(text), 'constructor')
  const page = await open(t, `${http}/chat`)
  await goBy(page, 'ann')
  await publish(http, '"the last"', '<b>eve</b>')
  await shows(page, '<b>eve</b>', 'the last')
  t.equal((await texts(page)).length, strange.length + attacks.length + 1)
  t.equal(await page.locator('#messages .line img, #messages [onclick], #messages b:not(.from), #messages .content b').count(), 0)
  const hrefs = await Promise.all((await page.locator('#messages a').all()).map(async (link) => await link.getAttribute('href')))
  t.strictSame(hrefs, ['https://x.y', 'https://x.y'])
})

t.test('a message that is very long is shown as its beginning, until somebody asks for more', async (t) => {
  const { http } = await start(t, { MAX_MESSAGE_BYTES: '70000' })
  const long = [
    'x'.repeat(60_000), '\n'.repeat(30_000), 'http://a.b '.repeat(5_500), 'http://'.repeat(8_000), `http://${')'.repeat(60_000)}`, 'a\u0301'.repeat(20_000),
    `a${'\u0301'.repeat(30_000)}`, '🐱'.repeat(15_000), `${'y'.repeat(1_990)} https://example.com/${'z'.repeat(100)}`
  ]
  for (const text of long) await publish(http, JSON.stringify(text))
  await publish(http, JSON.stringify({ a: 'x'.repeat(60_000) }))
  const page = await open(t, `${http}/chat`)
  const content = page.locator('#messages .content')
  await content.nth(long.length).waitFor()
  for (const text of await content.allTextContents()) {
    t.ok(text.length <= 2_001, `${text.length} characters`)
    t.ok(text.endsWith('…') && !/[\ud800-\udbff]…$/.test(text))
  }
  const heights = await page.evaluate<number[]>('Array.from(document.querySelectorAll("#messages .content"), (one) => one.offsetHeight)')
  t.ok(heights.every((px) => px < 1_200), heights.join())
  t.ok(await page.evaluate<number>('document.querySelectorAll("#messages *").length') < 1_000)
  t.equal(await page.locator('a[href*="example.com"]').count(), 0, 'half an address is none')
  await page.getByText('Show all 2,111 characters').click()
  t.match(await page.locator('a[href*="example.com"]').getAttribute('href'), /z{100}$/)
  await page.getByText('Show less').click()
  t.equal(await page.locator('a[href*="example.com"]').count(), 0)
})

t.test('what turns writing around stays within its name, and its address', async (t) => {
  const { http, ws } = await start(t)
  const page = await open(t, `${http}/chat`)
  await goBy(page, 'ann')
  await say(page, '\u202esee https://example.com/\u202egnp.exe and https://a\u200b.example')
  const link = page.locator('#messages .content a').first()
  t.equal(await link.getAttribute('href'), 'https://example.com/')
  t.equal(await page.evaluate('getComputedStyle(document.querySelector("#messages .content a")).unicodeBidi'), 'isolate')
  t.equal(await page.locator('#messages .content a').count(), 1, 'an address that cannot be seen is none')
  const eve = await connect(t, `${ws}?user=${encodeURIComponent('eve\u202e')}&join=general`)
  await eve.next('joined')
  eve.send({ type: 'message', room: 'general', ephemeral: true, content: { type: 'typing' } })
  await page.locator('#typing bdi', { hasText: 'eve' }).waitFor()
  t.match(await page.textContent('#typing'), /^eve\u202e is writing$/)
})

t.test('whoever has a long name shares files, too', async (t) => {
  const { http } = await start(t, { AUTH_SECRET: SECRET })
  const name = 'n'.repeat(100)
  const page = await open(t, `${http}/chat#token=${await tokenOf(name)}`)
  await isOnline(page, /^Online/)
  await page.setInputFiles('#file', { name: 'a.png', mimeType: 'image/png', buffer: PNG })
  await page.locator('#messages .picture img').waitFor()
  // One that is still on its way when the gateway ends is an error of the page.
  await isShown(page)
})

t.test('a link to files that cannot be had is asked for again; the token stays out of addresses', async (t) => {
  const { http } = await start(t, { AUTH_SECRET: SECRET })
  const token = await tokenOf('ann')
  const page = await open(t, 'about:blank')
  let isAway = true
  await page.route('**/files/link', async (route) => { await (isAway ? route.fulfill({ status: 503, body: '{}' }) : route.continue()) })
  const asked: string[] = []
  page.on('request', (request) => { asked.push(request.url()) })
  await page.goto(`${http}/chat#token=${token}`)
  await isOnline(page, /as ann via/)
  await page.setInputFiles('#file', { name: 'a.png', mimeType: 'image/png', buffer: PNG })
  await page.locator('#messages .picture img').waitFor()
  await eventually('it was asked for', async () => asked.some((url) => url.endsWith('/files/link')))
  isAway = false
  await isShown(page)
  t.strictSame(asked.filter((url) => url.includes('/files/') && url.includes('token=')), [])
})

t.test('the dashboard draws a car that is very far away, and rooms of any name', async (t) => {
  const { http } = await start(t)
  for (const room of ['constructor', 'toString', 'token=x']) {
    const page = await open(t, `${http}/chat#${room.replace('=', '%3D')}`)
    await isOnline(page, /^Online/)
  }
  const page = await open(t, `${http}/dashboard`)
  await page.locator('#position', { hasText: /^0$/ }).waitFor()
  const move = async (delta: number): Promise<number> => {
    const answer = await fetch(`${http}/position`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: `{"delta":${delta}}` })
    return (await answer.json() as { position: number }).position
  }
  const max = Number.MAX_SAFE_INTEGER
  for (const delta of [max, -max, -max, max - 1]) {
    const position = await move(delta)
    await page.locator('#position', { hasText: String(position).replace('-', '−') }).waitFor()
    const box = (await page.locator('#car').boundingBox())!
    t.ok(box.x >= 0 && box.x < 1280, `${position} at ${box.x}`)
    // Drawn four times a second: a plot that never ends would never answer.
    await page.evaluate('new Promise((resolve) => { setTimeout(() => requestAnimationFrame(resolve), 300) })')
  }
})

t.test('a name that was pasted with more than a line can hold is taken as one line', async (t) => {
  const { http } = await start(t)
  const page = await open(t, `${http}/chat`)
  await page.fill('#name', 'ann\tof\u0007here')
  await page.press('#name', 'Enter')
  await isOnline(page, /as ann of here via/)
})
