import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { Sha256 } from '@aws-crypto/sha256-js'
import { SignatureV4 } from '@smithy/signature-v4'
import type { Test } from 'tap'

interface Kept { readonly body: Buffer, readonly head: string }

/** As much of S3 as a store of files asks for. */
export interface S3Server {
  readonly url: string
  readonly objects: Map<string, Kept>
  /** What it answers from now on, whatever is asked; undefined for what is right. */
  failWith: number | undefined
}

export const S3_KEYS = { keyId: 'AKIDEXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', region: 'eu-central-1' }

/**
 * A bucket in memory. It is no S3: no server that speaks it is kept well on npm. Signatures are checked by AWS's own
 * library, which is not the one that made them.
 */
export async function startS3 (t: Test): Promise<S3Server> {
  const objects = new Map<string, Kept>()
  const server = createServer((request, response) => {
    answer(s3, request, response).catch(() => request.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const s3: S3Server = { url: `http://127.0.0.1:${port}/bucket/files`, objects, failWith: undefined }
  return s3
}

async function answer (s3: S3Server, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { objects, failWith } = s3
  const { method, url = '', headers } = request
  const body = await buffer(request)
  const status = failWith ?? (await isSigned(request) ? undefined : 403)
  if (status !== undefined) return void response.writeHead(status).end('<Error/>')
  const kept = objects.get(url)
  if (method === 'PUT') {
    if (headers['transfer-encoding'] !== undefined) return void response.writeHead(411).end()
    if (kept !== undefined && headers['if-none-match'] === '*') return void response.writeHead(412).end()
    objects.set(url, { body, head: String(headers['x-amz-meta-tidegate']) })
    response.writeHead(200).end()
  } else if (method === 'DELETE') {
    objects.delete(url)
    response.writeHead(204).end()
  } else if (kept === undefined) {
    response.writeHead(404).end()
  } else {
    const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '')
    const part = range === null ? kept.body : kept.body.subarray(Number(range[1]), Number(range[2]) + 1)
    response.writeHead(range === null ? 200 : 206, { 'content-length': part.length, 'x-amz-meta-tidegate': kept.head })
    response.end(method === 'HEAD' ? undefined : part)
  }
}

async function isSigned ({ method, url, headers }: IncomingMessage): Promise<boolean> {
  const { authorization = '', 'x-amz-date': date = '' } = headers
  const names = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(';') ?? []
  const [year, month, day, hour, minute, second] = String(date).match(/\d\d(?:\d\d(?=\d{4}T))?/g) ?? []
  const signingDate = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (Math.abs(Date.now() - signingDate.getTime()) > 900_000) return false
  const signer = new SignatureV4({
    service: 's3',
    region: S3_KEYS.region,
    credentials: { accessKeyId: S3_KEYS.keyId, secretAccessKey: S3_KEYS.secret },
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false
  })
  const signed = await signer.sign({
    method: method!,
    protocol: 'http:',
    hostname: '127.0.0.1',
    path: url!,
    headers: Object.fromEntries(names.map((name) => [name, String(headers[name])]))
  }, { signingDate })
  return signed.headers['authorization'] === authorization
}
