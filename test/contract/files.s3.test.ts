import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { FilesError } from '../../src/files/files.ts'
import { newFileId } from '../../src/files/links.ts'
import { S3Files } from '../../src/files/s3.ts'
import { S3_KEYS, startS3 } from '../helpers/s3-server.ts'
import { chunks, filesContract } from './files.contract.ts'

const HEAD = { room: 'general', name: 'a.txt', mediaType: 'text/plain', bytes: 10 }

filesContract(t, async (t) => {
  const { url } = await startS3(t)
  return [new S3Files({ url, ...S3_KEYS }), new S3Files({ url, ...S3_KEYS })]
})

t.test('each object is under the bucket\'s folder, and no page', async (t) => {
  const s3 = await startS3(t)
  const id = newFileId()
  await new S3Files({ url: s3.url, ...S3_KEYS }).put(id, HEAD, chunks('0123456789'))
  t.strictSame([...s3.objects.keys()], [`/bucket/files/${id}`])
})

t.test('a bucket that refuses, fails or is away is a failing store', async (t) => {
  const s3 = await startS3(t)
  const id = newFileId()
  const stranger = new S3Files({ url: s3.url, ...S3_KEYS, secret: 'another' })
  const lost = new S3Files({ url: 'http://127.0.0.1:9/bucket', ...S3_KEYS })
  for (const files of [stranger, lost]) {
    await t.rejects(files.put(id, HEAD, chunks('0123456789')), new FilesError('unavailable'))
    await t.rejects(files.find(id), new FilesError('unavailable'))
    await t.rejects(files.remove(id), new FilesError('unavailable'))
  }
  t.equal(s3.objects.size, 0)
  const files = new S3Files({ url: s3.url, ...S3_KEYS })
  await files.put(id, HEAD, chunks('0123456789'))
  const found = (await files.find(id))!
  for (const [status, reason] of [[500, 'unavailable'], [301, 'unavailable'], [409, 'unavailable'], [507, 'full']] as const) {
    s3.failWith = status
    await t.rejects(files.put(newFileId(), HEAD, chunks('0123456789')), new FilesError(reason), `${status}`)
    await t.rejects(found.read(), new FilesError(reason))
  }
})

/** A bucket that answers what it likes. */
async function lying (
  t: Test, answer: RequestListener
): Promise<{ readonly files: S3Files, readonly connections: () => Promise<number> }> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  const connections = async (): Promise<number> =>
    await new Promise((resolve) => server.getConnections((_error, count) => resolve(count)))
  const { port } = server.address() as AddressInfo
  return { files: new S3Files({ url: `http://127.0.0.1:${port}/bucket`, ...S3_KEYS }), connections }
}

const NAME = 'x-amz-meta-tidegate'
const stored = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const GOOD = stored({ room: 'general', name: 'a.txt', mediaType: 'text/plain' })

t.test('what a bucket says of a file is believed only where it is of a file', async (t) => {
  const heads: ReadonlyArray<Record<string, string>> = [
    { [NAME]: 'no base64: {' }, { [NAME]: stored(null) }, { [NAME]: stored([]) }, { [NAME]: stored({ name: 'a.txt', mediaType: 'text/plain' }) },
    { [NAME]: stored({ room: ['general'], name: 'a.txt', mediaType: 'text/plain' }) }, { [NAME]: GOOD, 'content-length': '0' },
    { [NAME]: GOOD, 'content-encoding': 'gzip' }, {}
  ]
  for (const head of heads) {
    const { files } = await lying(t, (_request, response) => { response.writeHead(200, { 'content-length': '10', ...head }).end() })
    await t.rejects(files.find(newFileId()), new FilesError('unavailable'), JSON.stringify(head))
  }
})

t.test('a bucket that sends another content than it said, or packs it, is a failing store, and holds no connection', async (t) => {
  const lies: RequestListener[] = [
    (_request, response) => { response.writeHead(200, { 'content-length': '11' }).end('0123456789a') },
    (_request, response) => { response.writeHead(200, { 'content-length': '9' }).end('012345678') },
    (_request, response) => { response.writeHead(200).end('x'.repeat(100_000)) },
    (_request, response) => { response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': '10' }).end(gzipSync('x'.repeat(1_000_000)).subarray(0, 10)) },
    (_request, response) => { response.writeHead(206, { 'content-length': '10' }).end('0123456789') },
    (_request, response) => { response.writeHead(503).write('x'.repeat(100_000)) }
  ]
  for (const [index, lie] of lies.entries()) {
    const { files, connections } = await lying(t, (request, response) => {
      if (request.method === 'HEAD') response.writeHead(200, { [NAME]: GOOD, 'content-length': '10' }).end()
      else lie(request, response)
    })
    const found = (await files.find(newFileId()))!
    for (let n = 0; n < 20; n++) await t.rejects(found.read(), new FilesError('unavailable'), `${index}`)
    t.ok(await connections() < 10, `${await connections()} connections`)
  }
})

t.test('nothing is asked for packed', async (t) => {
  const codings: unknown[] = []
  const { files } = await lying(t, ({ method, headers }, response) => {
    codings.push(headers['accept-encoding'])
    response.writeHead(200, { [NAME]: GOOD, 'content-length': '10' }).end(method === 'HEAD' ? undefined : '0123456789')
  })
  t.equal(await text(await (await files.find(newFileId()))!.read()), '0123456789')
  t.strictSame(codings, ['identity', 'identity'])
})
