import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { type ClientOptions, WebSocket } from 'ws'

/** A frame from the gateway, not looked at yet. */
export interface Frame { readonly type: string, readonly [field: string]: unknown }

/** What came of trying to connect. */
export type Opening =
  | {
    readonly outcome: 'welcome'
    readonly socket: WebSocket
    readonly welcome: Frame
    readonly headers: IncomingHttpHeaders
    /** Until the welcome. */
    readonly tookMs: number
  }
  | {
    readonly outcome: 'refused'
    readonly status: number
    /** Of the gateway's own error; undefined where somebody else answers. */
    readonly reason: string | undefined
    readonly message: string
  }
  | { readonly outcome: 'closed', readonly code: number, readonly message: string }
  | { readonly outcome: 'failed', readonly message: string }

export interface OpenOptions {
  readonly token?: string | undefined
  readonly user?: string | undefined
  readonly origin?: string
  readonly cookie?: string | undefined
  readonly timeoutMs?: number
  /** Every frame after the welcome. */
  readonly onFrame?: (text: string) => void
}

const TIMEOUT_MS = 5_000
const MAX_BODY_BYTES = 16_384

/** Opens a WebSocket, up to its first frame; whatever happens is an outcome, and in time. */
export async function open (ws: string, options: OpenOptions = {}): Promise<Opening> {
  const { token, user, origin, cookie, timeoutMs = TIMEOUT_MS, onFrame } = options
  const url = new URL(ws)
  if (user !== undefined) url.searchParams.set('user', user)
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(cookie === undefined ? {} : { cookie })
  }
  const settings: ClientOptions = {
    headers, handshakeTimeout: timeoutMs, perMessageDeflate: false, ...(origin === undefined ? {} : { origin })
  }
  const startMs = performance.now()
  const socket = new WebSocket(url, settings)
  return await new Promise((resolve) => {
    let responseHeaders: IncomingHttpHeaders = {}
    let isSettled = false
    const settle = (opening: Opening): void => {
      clearTimeout(timer)
      isSettled = true
      if (opening.outcome !== 'welcome') socket.terminate()
      resolve(opening)
    }
    const timer = setTimeout(() => settle({ outcome: 'failed', message: `no answer within ${timeoutMs} ms` }), timeoutMs)
    socket.on('upgrade', (response) => { responseHeaders = response.headers })
    socket.on('unexpected-response', (_request, response) => { void readRefusal(response).then(settle) })
    socket.on('message', (data) => {
      const text = String(data as Buffer)
      if (isSettled) return onFrame?.(text)
      const welcome = readFrame(text)
      if (welcome?.type !== 'welcome') return settle({ outcome: 'failed', message: 'its first frame is not a welcome' })
      settle({ outcome: 'welcome', socket, welcome, headers: responseHeaders, tookMs: performance.now() - startMs })
    })
    socket.on('close', (code, reason) => settle({ outcome: 'closed', code, message: String(reason) }))
    // A close follows, but only where the connection stood.
    socket.on('error', (error) => settle({ outcome: 'failed', message: describe(error) }))
  })
}

export function readFrame (text: string): Frame | undefined {
  try {
    const frame: unknown = JSON.parse(text)
    return typeof frame === 'object' && frame !== null ? frame as Frame : undefined
  } catch {
    return undefined
  }
}

async function readRefusal (response: IncomingMessage): Promise<Opening> {
  let body = ''
  try {
    for await (const chunk of response) {
      body += String(chunk)
      if (body.length > MAX_BODY_BYTES) break
    }
  } catch {
    // As much as has come says enough.
  }
  const { reason, message } = readFrame(body) as { reason?: unknown, message?: unknown } ?? {}
  const isOurs = typeof reason === 'string' && typeof message === 'string'
  return {
    outcome: 'refused',
    status: response.statusCode ?? 0,
    reason: isOurs ? reason : undefined,
    message: isOurs ? message : response.statusMessage ?? ''
  }
}

/** What failed, in a few words: of several addresses, the first one's. */
export function describe (error: unknown): string {
  const { code, message, cause, errors } = error as NodeJS.ErrnoException & { errors?: readonly unknown[] }
  if (errors?.[0] !== undefined) return describe(errors[0])
  if (cause instanceof Error) return describe(cause)
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'nothing listens there (ECONNREFUSED)',
    ENOTFOUND: 'there is no such host (ENOTFOUND)',
    EAI_AGAIN: 'the name cannot be resolved now (EAI_AGAIN)',
    ECONNRESET: 'the connection was reset (ECONNRESET)',
    ETIMEDOUT: 'no answer (ETIMEDOUT)',
    EHOSTUNREACH: 'there is no way to that host (EHOSTUNREACH)'
  }
  return known[code ?? ''] ?? message
}
