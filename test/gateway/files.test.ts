import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { connect, type Frame } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { GIF, JPEG, PNG, WEBP } from '../helpers/pictures.ts'
import { FREE, getRaw, startWithFolder, upload } from '../helpers/shared-files.ts'
import { bearer, SECRET, tokenOf } from '../helpers/tokens.ts'

t.test('a picture that is shared is announced in the room, kept in its history, and shown', async (t) => {
  const { http, ws } = await startWithFolder(t)
  const bob = await connect(t, `${ws}?user=bob&join=general`)
  await bob.next('joined')
  const answer = await upload(http, PNG, '?name=My%20cat.png&from=ann', { 'content-type': 'image/png' })
  t.match(answer, { status: 200, seq: 1 })
  const { file } = answer
  t.match(file, {
    type: 'file',
    id: /^[\w-]{22}$/,
    name: 'My cat.png',
    mediaType: 'image/png',
    bytes: PNG.length,
    width: 3,
    height: 2,
    url: `/files/${file!.id}/My%20cat.png`
  })
  t.match(await bob.next('message'), { room: 'general', seq: 1, from: 'ann', content: file })
  const history = await (await fetch(`${http}/rooms/general/messages`)).json() as { messages: Frame[] }
  t.strictSame(history.messages.map(({ content }) => content), [file])
  const { response, body } = await getRaw(http + file!.url)
  t.equal(response.statusCode, 200)
  t.equal(body, PNG.toString('latin1'))
  t.match(response.headers, {
    'content-type': 'image/png',
    'content-length': String(PNG.length),
    'content-disposition': 'inline; filename="My cat.png"',
    'content-security-policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'private, max-age=31536000, immutable',
    etag: `"${file!.id}"`
  })
})

t.test('by default files are shared, in a folder that goes with the gateway; off is off; with Redis they need a place', async (t) => {
  const { http, gateway } = await startGateway(t)
  const { file } = await upload(http, 'hello', '?name=a.txt')
  t.equal((await getRaw(http + file!.url)).body, 'hello')
  await gateway.stop(0)
  t.equal((await upload((await startGateway(t, { FILES: 'off' })).http, 'hello')).status, 404)
})

t.test('what a file is is told by its content; what says that it is a picture must be one', async (t) => {
  const { http, kept } = await startWithFolder(t)
  const html = '<!doctype html><script>alert(1)</script>'
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
  const lies: ReadonlyArray<readonly [string, string, string]> = [
    [html, 'cat.png', 'image/png'], [html, 'cat.png', ''], [html, 'cat', 'image/png'], [svg, 'a.svg', 'image/svg+xml'],
    [svg, 'a.svg', 'text/plain'], [svg, 'a.xml', 'image/svg+xml'], [`<?xml version="1.0"?>${svg}`, 'a.svg', ''],
    ['MZ\x00\x01\x02', 'setup.txt', 'text/plain'], ['\x7fELF\x02\x01', 'a.png', 'image/png'], ['BM\x01\x02\x03\x00', 'a.bmp', 'image/bmp'],
    ['\xff\xfe<\x00h\x00', 'utf-16.txt', 'text/plain'], ['a\x00b', 'a.txt', '']
  ]
  for (const [body, name, type] of lies) {
    const answer = await upload(http, Buffer.from(body, 'latin1'), `?name=${name}`, type === '' ? {} : { 'content-type': type })
    t.match(answer, { status: 400, reason: 'bad_message', message: /^body: must be/ }, `${name} ${type}`)
  }
  t.match(await upload(http, 'hello', '', { 'content-type': 'text' }), { status: 400, message: 'content-type: must be a media type' })
  t.strictSame(kept(), [], 'nothing is left of them')
  const kinds: ReadonlyArray<readonly [string | Buffer, string, string, string, 'inline' | 'attachment']> = [
    [JPEG, 'photo.png', 'photo.png.jpg', 'image/jpeg', 'inline'],
    [GIF, 'a.GIF', 'a.GIF', 'image/gif', 'inline'],
    [WEBP, '', 'file.webp', 'image/webp', 'inline'],
    // Polyglots: what a browser is told is the picture, and it is told to believe that.
    [Buffer.concat([GIF, Buffer.from(`/*${html}*/`)]), 'a.html', 'a.html.gif', 'image/gif', 'inline'],
    [Buffer.concat([JPEG, Buffer.from('PK\x03\x04')]), 'a.jar', 'a.jar.jpg', 'image/jpeg', 'inline'],
    [html, 'page.html', 'page.html.txt', 'text/plain; charset=utf-8', 'attachment'],
    ['@echo off', 'run.bat', 'run.bat.txt', 'text/plain; charset=utf-8', 'attachment'],
    ['# Über uns', 'read.md', 'read.md', 'text/plain; charset=utf-8', 'attachment'],
    [`%PDF-1.7\n${html}`, 'a.pdf', 'a.pdf', 'application/pdf', 'attachment'],
    [Buffer.from(`504b0506${'00'.repeat(18)}`, 'hex'), 'a.docx', 'a.docx.zip', 'application/zip', 'attachment']
  ]
  for (const [body, given, name, mediaType, disposition] of kinds) {
    const { status, file } = await upload(http, body, `?name=${given}`, { 'content-type': 'text/html' })
    t.equal(status, 200, given)
    t.equal(file!.name, name)
    const { headers } = (await getRaw(http + file!.url)).response
    t.equal(headers['content-type'], mediaType)
    t.equal(headers['content-disposition']!.split(';')[0], disposition)
    t.equal(headers['x-content-type-options'], 'nosniff')
    t.match(headers['content-security-policy'], /^sandbox; default-src 'none'/)
  }
})

t.test('names are cleaned, and a file is found under its own name alone', async (t) => {
  const { http } = await startWithFolder(t)
  const names: ReadonlyArray<readonly [given: string, name: string]> = [
    ['../../etc/passwd', 'passwd.txt'], ['..\\..\\boot.txt', 'boot.txt'], ['..', 'file.txt'], ['.txt', 'txt.txt'],
    ['a\r\nSet-Cookie: x.txt', 'aSet-Cookie_ x.txt'], ['\u202Etxt.exe', 'txt.exe.txt'], ['x\0.txt', 'x.txt'],
    ['Grüße 🐱.txt', 'Grüße 🐱.txt'], ['"quoted"; a=b.txt', '_quoted_; a=b.txt'], ['con.txt', '_con.txt'], ['%2e%2e%2fa.txt', '%2e%2e%2fa.txt']
  ]
  for (const [given, name] of names) {
    const { file } = await upload(http, 'hello', `?name=${encodeURIComponent(given)}`)
    t.equal(file!.name, name, given)
    const { response, body } = await getRaw(http + file!.url)
    t.equal(body, 'hello')
    // RFC 6266: every browser has one that it understands.
    t.match(response.headers['content-disposition'], /^attachment; filename="[\x20-\x7e\xa0-\xff]+"/)
    t.equal((await getRaw(`${http}/files/${file!.id}/other.txt`)).response.statusCode, 404)
  }
  t.match(await upload(http, 'hello', `?name=${'x'.repeat(1_001)}`), { status: 400, message: 'name: must be at most 1000 characters' })
  for (const path of ['/files/../../package.json', '/files/%2e%2e%2fpackage.json/a', '/files/a/b', `/files/${'x'.repeat(22)}/a.txt`]) {
    t.equal((await getRaw(http + path)).response.statusCode, 404, path)
  }
})

t.test('ranges, HEAD and what a client has already', async (t) => {
  const { http } = await startWithFolder(t)
  const { file } = await upload(http, '0123456789', '?name=a.txt')
  const url = http + file!.url
  const cases: ReadonlyArray<readonly [Record<string, string>, number, string, string | undefined]> = [
    [{ range: 'bytes=0-3' }, 206, '0123', 'bytes 0-3/10'], [{ range: 'bytes=7-' }, 206, '789', 'bytes 7-9/10'],
    [{ range: 'bytes=-2' }, 206, '89', 'bytes 8-9/10'], [{ range: 'bytes=5-500' }, 206, '56789', 'bytes 5-9/10'],
    [{ range: 'bytes=-11' }, 206, '0123456789', 'bytes 0-9/10'],
    [{ range: 'bytes=0-1,4-5' }, 200, '0123456789', undefined], [{ range: 'lines=1-2' }, 200, '0123456789', undefined],
    [{ range: 'bytes=0-3', 'if-range': '"other"' }, 200, '0123456789', undefined],
    [{ range: 'bytes=0-3', 'if-range': `"${file!.id}"` }, 206, '0123', 'bytes 0-3/10'],
    [{ 'if-none-match': `"${file!.id}"` }, 304, '', undefined], [{ 'if-none-match': 'W/"a", *' }, 304, '', undefined],
    [{ 'if-none-match': '"other"' }, 200, '0123456789', undefined]
  ]
  for (const [headers, status, body, contentRange] of cases) {
    const answer = await getRaw(url, headers)
    t.strictSame([answer.response.statusCode, answer.body, answer.response.headers['content-range']], [status, body, contentRange], JSON.stringify(headers))
  }
  const beyond = await getRaw(url, { range: 'bytes=10-' })
  t.match(beyond.response, { statusCode: 416, headers: { 'content-range': 'bytes */10', 'cache-control': undefined } })
  t.match(JSON.parse(beyond.body), { code: 416, reason: 'bad_message' })
  const head = await getRaw(url, {}, 'HEAD')
  t.match(head.response, { statusCode: 200, headers: { 'content-length': '10', 'content-type': 'text/plain; charset=utf-8' } })
  t.equal(head.body, '')
})

t.test('a file may be read ten times as slowly as other answers', async (t) => {
  const timeoutMs = 300
  const { http } = await startWithFolder(t, { STALL_TIMEOUT_MS: String(timeoutMs), FILE_MAX_BYTES: '20000000' })
  const { file } = await upload(http, Buffer.alloc(16_000_000, 'x'), '?name=long.txt')
  const [response] = await once(request(http + file!.url).end(), 'response') as [IncomingMessage]
  response.pause()
  await delay(4 * timeoutMs)
  let bytes = 0
  for await (const chunk of response) bytes += (chunk as Buffer).length
  t.equal(bytes, 16_000_000)
})

t.test('a file is for those who may join its room: by a token, or for a while by a link', async (t) => {
  const { http, kept } = await startWithFolder(t, { AUTH_SECRET: SECRET })
  const ann = await tokenOf('ann', { rooms: { general: ['join', 'publish'] } })
  const eve = await tokenOf('eve', { rooms: { other: ['join', 'publish'] } })
  t.match(await upload(http, 'hello'), { status: 401 })
  t.match(await upload(http, 'hello', '', bearer(eve).headers), { status: 403, reason: 'forbidden' })
  t.match(await upload(http, 'hello', '', { ...bearer(ann).headers, origin: 'https://evil.com' }), { status: 403, message: /^origin/ })
  t.match(await upload(http, 'hello', '', bearer(ann).headers, 'position'), { status: 403 })
  t.strictSame(kept(), [])
  const { file } = await upload(http, 'hello', '?name=a.txt&from=eve', bearer(ann).headers)
  const url = http + file!.url
  const message = (await (await fetch(`${http}/rooms/general/messages`, bearer(ann))).json() as { messages: Frame[] }).messages[0]
  t.match(message, { from: 'ann' }, 'it is from the user of the token')

  const status = async (query: string, headers = {}): Promise<unknown> =>
    (await getRaw(url + query, headers)).response.statusCode
  t.equal(await status(''), 401)
  t.equal(await status('', bearer(eve).headers), 403)
  t.equal(await status('', bearer(ann).headers), 200)
  t.equal(await status(`?token=${ann}`), 200)
  t.equal(await status('?token=bad'), 401)
  t.equal(await status(`?token=${ann}&token=${ann}`), 401)

  const link = async (room: string, token: string): Promise<Response> => await fetch(`${http}/rooms/${room}/files/link`, bearer(token))
  t.equal((await link('general', eve)).status, 403)
  const answer = await link('general', ann)
  t.equal(answer.headers.get('cache-control'), 'no-store')
  const { query, expires } = await answer.json() as { query: string, expires: string }
  const leftMs = Date.parse(expires) - Date.now()
  t.ok(leftMs >= 600_000 && leftMs <= 1_200_000, `${leftMs} ms`)
  t.equal(await status(`?${query}`), 200)
  t.equal((await getRaw(`${url}?${query}`, { range: 'bytes=0-1' })).body, 'he')
  const others = (await (await link('other', eve)).json() as { query: string }).query
  t.equal(await status(`?${others}`), 401, 'the link of another room')
  t.equal(await status(`?${query.replace(/expires=(\d)/, 'expires=9')}`), 401, 'another end')
  t.equal(await status(`?${query.slice(0, -1)}`), 401, 'a part of a signature')
  t.equal(await status(`?${query}`, bearer(eve).headers), 403, 'a token that is there counts')
})

t.test('the same file with the same key is kept and announced once; another is refused, and not kept', async (t) => {
  const { http, kept } = await startWithFolder(t)
  const key = { 'idempotency-key': 'upload-1' }
  const first = await upload(http, PNG, '?name=a.png', key)
  const again = await upload(http, PNG, '?name=a.png', key)
  t.match(again, { status: 200, duplicate: true, seq: 1, file: first.file })
  t.match(await upload(http, GIF, '?name=a.gif', key), { status: 409, reason: 'key_reused' })
  t.strictSame(kept(), [first.file!.id])
})

t.test('what is on the disk is no page, whatever was uploaded', async (t) => {
  const dir = t.testdir()
  const { http } = await startGateway(t, { ...FREE, FILES_DIR: dir })
  const { file } = await upload(http, '<script>1</script>', '?name=a.html')
  t.notMatch(readFileSync(join(dir, file!.id), 'latin1'), /^\s*</)
})
