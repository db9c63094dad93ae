import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net'
import t from 'tap'
import { eventually } from '../../cluster/until.ts'
import { startGateway } from '../helpers/gateway.ts'
import { figuresOf } from '../helpers/metrics.ts'
import { FREE, getRaw, startWithFolder, upload } from '../helpers/shared-files.ts'
import { bearer, SECRET, tokenOf } from '../helpers/tokens.ts'

t.test('what is too large, empty or of no known length is refused before it is read, and leaves nothing', async (t) => {
  const { http, port, kept } = await startWithFolder(t, { FILE_MAX_BYTES: '1000' })
  t.match(await upload(http, 'x'.repeat(1_001)), { status: 413, reason: 'too_large', message: 'the file is larger than 1000 bytes' })
  t.match(await upload(http, ''), { status: 400, message: 'body: missing' })
  t.match(await raw(port, 'content-length: 000', ''), /^HTTP\/1\.1 400 [^]*"body: missing"/)
  t.match(await upload(http, 'x'.repeat(1_000)), { status: 200 })
  const said = await raw(port, 'transfer-encoding: chunked', '5\r\nhello\r\n0\r\n\r\n')
  t.match(said, /^HTTP\/1\.1 400 [^]*"content-length: missing"/)
  const endless = await raw(port, 'content-length: 1000000000', 'x'.repeat(5_000))
  t.match(endless, /^HTTP\/1\.1 413 [^]*connection: close/i, 'and the rest is not waited for')
  t.equal(kept().length, 1)
})

/** What is answered until the connection ends. */
async function raw (port: number, head: string, body: string): Promise<string> {
  const socket = connectTcp(port, '127.0.0.1')
  socket.write(`POST /rooms/general/files HTTP/1.1\r\nhost: x\r\n${head}\r\nconnection: close\r\n\r\n${body}`)
  let said = ''
  socket.on('data', (chunk) => { said += String(chunk) })
  socket.on('error', () => {})
  await once(socket, 'close')
  return said
}

t.test('an upload that breaks off leaves nothing behind, and nobody is told', async (t) => {
  const { http, port, kept, logged } = await startWithFolder(t, { FILE_MAX_BYTES: '1000000' })
  const socket = connectTcp(port, '127.0.0.1')
  socket.on('error', () => {})
  // More than is looked at first, so that the store has begun.
  socket.write(`POST /rooms/general/files?name=a.txt HTTP/1.1\r\nhost: x\r\ncontent-length: 900000\r\n\r\n${'x'.repeat(300_000)}`)
  await eventually('it is being written', async () => kept().some((name) => name.endsWith('.part')))
  socket.destroy()
  await eventually('it is gone', async () => kept().length === 0)
  t.strictSame((await (await fetch(`${http}/rooms/general/messages`)).json() as { messages: unknown[] }).messages, [])
  t.equal((await upload(http, 'hello')).status, 200, 'the next one is taken')
  t.strictSame(logged.filter((line) => /"level":(50|60)/.test(line)), [], 'and it is no defect')
})

t.test('a page of another origin can share nothing, also where no token is asked for', async (t) => {
  const { http, kept } = await startWithFolder(t, { ALLOWED_ORIGINS: 'https://good.com' })
  for (const origin of ['https://evil.com', 'null', 'https://good.com.evil']) {
    t.match(await upload(http, 'hello', '', { origin, 'content-type': 'text/plain' }), { status: 403, reason: 'forbidden' }, origin)
  }
  t.strictSame(kept(), [])
  const { file } = await upload(http, 'hello', '', { origin: 'https://good.com' })
  t.equal((await getRaw(http + file!.url)).response.headers['cross-origin-resource-policy'], 'cross-origin', 'and its pages may show it')
})

t.test('a full store refuses, and says nothing in the room', async (t) => {
  const { http, kept } = await startWithFolder(t, { FILES_MAX_BYTES: '500' })
  t.equal((await upload(http, 'x'.repeat(300))).status, 200)
  t.match(await upload(http, 'x'.repeat(300)), { status: 503, reason: 'unavailable', message: /full; nothing was published/ })
  t.equal(kept().length, 1)
  const { messages } = await (await fetch(`${http}/rooms/general/messages`)).json() as { messages: unknown[] }
  t.equal(messages.length, 1)
  const figures = await figuresOf(http)
  t.strictSame(
    ['files_stored_total', 'files_stored_bytes_total', 'files_refused_total{reason="unavailable"}'].map((name) => figures.get(name)), [1, 300, 1]
  )
  t.ok(figures.get('files_held_bytes')! > 300)
})

t.test('an address may share so many files a minute', async (t) => {
  const { http } = await startWithFolder(t, { RATE_FILES: '2' })
  const statuses: number[] = []
  for (let n = 0; n < 4; n++) statuses.push((await upload(http, 'hello')).status)
  t.strictSame(statuses, [200, 200, 429, 429])
})

t.test('a file that cannot be read after all is an error that no browser keeps', async (t) => {
  const id = 'x'.repeat(22)
  const head = Buffer.from(JSON.stringify({ room: 'general', name: 'a.png', mediaType: 'image/png' })).toString('base64url')
  const fails: ReadonlyArray<readonly [RequestListener, number]> = [
    [(_request, response) => { response.writeHead(500).end() }, 503],
    [({ socket }, response) => {
      response.writeHead(200, { 'content-length': '10' }).flushHeaders()
      socket.end()
    }, 500]
  ]
  for (const [fail, status] of fails) {
    const bucket = createServer((request, response) => {
      if (request.method === 'HEAD') response.writeHead(200, { 'content-length': '10', 'x-amz-meta-tidegate': head }).end()
      else fail(request, response)
    }).listen(0, '127.0.0.1')
    await once(bucket, 'listening')
    t.teardown(() => bucket.close())
    const { http } = await startGateway(t, {
      ...FREE,
      FILES_S3_URL: `http://127.0.0.1:${(bucket.address() as AddressInfo).port}/bucket`,
      FILES_S3_KEY_ID: 'id',
      FILES_S3_SECRET: 'secret'
    })
    const { response, body } = await getRaw(`${http}/files/${id}/a.png`)
    t.match(JSON.parse(body), { code: status })
    t.equal(response.statusCode, status)
    for (const name of ['cache-control', 'etag', 'content-disposition', 'accept-ranges', 'content-range']) t.equal(response.headers[name], undefined, name)
    t.equal(response.headers['content-type'], 'application/json; charset=utf-8')
  }
})

t.test('who sends many files slowly leaves room for others', async (t) => {
  const { http, port } = await startWithFolder(t, { AUTH_SECRET: SECRET, RATE_FILES: '1000' })
  const [eve, ann] = [bearer(await tokenOf('eve')).headers, bearer(await tokenOf('ann')).headers]
  const slow: Socket[] = Array.from({ length: 70 }, () => connectTcp(port, '127.0.0.1'))
  t.teardown(() => { for (const socket of slow) socket.destroy() })
  const said = slow.map(async (socket) => {
    socket.on('error', () => {})
    socket.write(`POST /rooms/general/files HTTP/1.1\r\nhost: x\r\nauthorization: ${eve.authorization}\r\ncontent-length: 1000\r\n\r\nhello`)
    const [chunk] = await once(socket, 'data') as [Buffer]
    return chunk.toString()
  })
  const refused: string[] = []
  for (const one of said) void one.then((text) => refused.push(text))
  await eventually('most are refused', async () => refused.length === 70 - 16)
  t.ok(refused.every((text) => /^HTTP\/1\.1 429 [^]*too many files at once/.test(text)))
  t.match(await upload(http, 'hello', '', ann), { status: 200 })
  for (const socket of slow) socket.destroy()
  await eventually('eve may again', async () => (await upload(http, 'hello', '', eve)).status === 200)
})
