import t from 'tap'
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
  for (const [status, reason] of [[500, 'unavailable'], [301, 'unavailable'], [507, 'full']] as const) {
    s3.failWith = status
    await t.rejects(files.put(newFileId(), HEAD, chunks('0123456789')), new FilesError(reason), `${status}`)
    await t.rejects(found.read(), new FilesError(reason))
  }
})
