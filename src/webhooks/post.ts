import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'

/** What came of one POST: an answer with a status; or none, for a reason. */
export type PostOutcome =
  | { readonly status: number, readonly retryAfterMs: number | undefined }
  | { readonly problem: string, readonly isTimeout: boolean }

interface Post {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** For all of it: to look up the name, connect, send, and be answered with a status. */
  readonly timeoutMs: number
  /** Gives up at once. */
  readonly signal: AbortSignal
}

// A target's answer says nothing but its status: the rest is read so that it ends in order, but not for ever.
const MAX_ANSWER_BYTES = 65_536
const ANSWER_MS = 500

/**
 * Sends it over a connection of its own, which is closed when this resolves: nothing of a target is kept. Follows no
 * redirect. Never rejects.
 */
export async function post ({ url, headers, body, timeoutMs, signal }: Post): Promise<PostOutcome> {
  const options: RequestOptions = {
    method: 'POST',
    agent: false,
    signal,
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'user-agent': 'tidegate', ...headers }
  }
  return await new Promise((resolve) => {
    const request = url.protocol === 'https:' ? requestHttps(url, options) : requestHttp(url, options)
    let outcome: PostOutcome = { problem: 'no answer', isTimeout: false }
    let timer = setTimeout(() => {
      outcome = { problem: `no answer within ${timeoutMs} ms`, isTimeout: true }
      request.destroy()
    }, timeoutMs)
    request.on('response', (response) => {
      clearTimeout(timer)
      timer = setTimeout(() => request.destroy(), ANSWER_MS)
      outcome = { status: response.statusCode!, retryAfterMs: retryAfterOf(response) }
      readSome(response, () => request.destroy())
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      if ('status' in outcome || outcome.isTimeout) return
      outcome = { problem: error.code ?? error.message, isTimeout: false }
    })
    request.on('close', () => {
      clearTimeout(timer)
      resolve(outcome)
    })
    request.end(body)
  })
}

function readSome (response: IncomingMessage, end: () => void): void {
  let bytes = 0
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) end()
  })
  response.on('error', end)
}

/** RFC 9110 section 10.2.3: seconds, or a date. */
function retryAfterOf ({ headers }: IncomingMessage): number | undefined {
  const text = headers['retry-after']
  if (text === undefined) return undefined
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}
