import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { AwsV4Signer } from 'aws4fetch'
import {
  type ByteRange, exactly, FILE_ID, type FileHead, FilesError, type Files, headOf, type StoredFile, textOf
} from './files.ts'

export interface S3Options {
  /** The bucket's address, with a folder in it if there is one: `https://s3.eu-central-1.amazonaws.com/bucket`. */
  readonly url: string
  readonly region: string
  readonly keyId: string
  readonly secret: string
}

type Method = 'PUT' | 'HEAD' | 'GET' | 'DELETE'
type Content = AsyncIterable<Uint8Array>
interface Asking {
  readonly headers?: Record<string, string>
  readonly body?: Content
  readonly timeoutMs?: number
}

// For an answer's head; what comes after it has the time that its reader has.
const PATIENCE_MS = 10_000
const UPLOAD_MS = 120_000
const HEAD = 'x-amz-meta-tidegate'

/**
 * Files in a bucket of S3, or of what speaks like it. Requests are signed by SigV4, and contents pass through as they
 * come: over TLS alone they are safe from others. How long files are kept, and how many, is for the bucket's lifecycle
 * rules. https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
 */
export class S3Files implements Files {
  readonly heldBytes = undefined
  readonly #options: S3Options

  constructor (options: S3Options) {
    this.#options = options
  }

  start (): void {}

  async put (id: string, head: FileHead, content: AsyncIterable<Uint8Array>): Promise<'stored' | 'exists'> {
    const { bytes } = head
    const answer = await this.#ask('PUT', id, {
      headers: {
        'content-length': String(bytes),
        // Whoever opens the bucket to the world serves no pages with it.
        'content-type': 'application/octet-stream',
        // Metadata is ASCII.
        [HEAD]: Buffer.from(textOf(head)).toString('base64url'),
        'if-none-match': '*'
      },
      body: exactly(bytes, content),
      timeoutMs: UPLOAD_MS
    })
    await answer.body?.cancel()
    if (answer.status === 412) return 'exists'
    // 409, too: another one of this id is under way, of which nobody knows whether it will be there.
    if (!answer.ok) throw refused(answer)
    return 'stored'
  }

  async find (id: string): Promise<StoredFile | undefined> {
    if (!FILE_ID.test(id)) return undefined
    const answer = await this.#ask('HEAD', id)
    if (answer.status === 404) return undefined
    const stored = answer.headers.get(HEAD)
    if (!answer.ok || stored === null) throw refused(answer)
    const head = headOf(Buffer.from(stored, 'base64url').toString(), lengthOf(answer))
    return { head, read: async (range) => await this.#read(id, head.bytes, range) }
  }

  async remove (id: string): Promise<void> {
    if (!FILE_ID.test(id)) return
    const answer = await this.#ask('DELETE', id)
    await answer.body?.cancel()
    if (!answer.ok && answer.status !== 404) throw refused(answer)
  }

  async stop (): Promise<void> {}

  /** How long it is was told already: an answer that is longer would run into the next one. */
  async #read (id: string, allBytes: number, range?: ByteRange): Promise<Readable> {
    const answer = await this.#ask('GET', id, range && { headers: { range: `bytes=${range.start}-${range.end}` } })
    const [status, bytes] = range === undefined ? [200, allBytes] : [206, range.end - range.start + 1]
    if (answer.status === status && answer.body !== null && lengthOf(answer) === bytes) {
      return Readable.fromWeb(answer.body as ReadableStream)
    }
    // One that nobody reads holds its connection.
    await answer.body?.cancel()
    throw refused(answer)
  }

  async #ask (method: Method, id: string, asking: Asking = {}): Promise<Response> {
    const { headers = {}, body, timeoutMs = PATIENCE_MS } = asking
    const { url, region, keyId, secret } = this.#options
    const signed = await new AwsV4Signer({
      method, url: `${url}/${id}`, headers, service: 's3', region, accessKeyId: keyId, secretAccessKey: secret
    }).sign()
    // Not signed: proxies change it. What is packed on the way has no length that is told.
    signed.headers.set('accept-encoding', 'identity')
    const patience = new AbortController()
    const timer = setTimeout(() => patience.abort(), timeoutMs)
    let thrown: unknown
    try {
      return await fetch(signed.url, {
        method,
        headers: signed.headers,
        redirect: 'manual',
        signal: patience.signal,
        ...body === undefined ? {} : { body: Readable.toWeb(Readable.from(noting(body, (error) => { thrown = error }))), duplex: 'half' }
      } as RequestInit)
    } catch (error) {
      throw thrown ?? new FilesError('unavailable', { cause: error })
    } finally {
      clearTimeout(timer)
    }
  }
}

/** fetch tells of an error of the body in words of its own. */
async function * noting (content: Content, note: (error: unknown) => void): AsyncGenerator<Uint8Array> {
  try {
    yield * content
  } catch (error) {
    note(error)
    throw error
  }
}

/** 0 where it is not told, or of something that was packed on the way. */
function lengthOf ({ headers }: Response): number {
  return headers.has('content-encoding') ? 0 : Number(headers.get('content-length'))
}

function refused ({ status }: Response): FilesError {
  return new FilesError(status === 507 ? 'full' : 'unavailable', { cause: new Error(`S3 answered ${status}`) })
}
