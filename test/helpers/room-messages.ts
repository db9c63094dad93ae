import type { Test } from 'tap'
import { type RunningGateway, startGateway } from './gateway.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

type RequestHeaders = Readonly<Record<string, string>>

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly body: Body
}

export interface Message {
  readonly seq: number
  readonly cursor: string
  readonly content: unknown
  readonly from: string
}

export interface Body {
  readonly seq?: number
  readonly cursor?: string
  readonly messages: readonly Message[]
  readonly more: boolean
  readonly gap?: { readonly reason: string, readonly cursor: string, readonly seq: number }
  readonly reason?: string
}

async function answerOf (response: Response): Promise<Answer> {
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) as Body }
}

export async function post (
  { http }: RunningGateway, path: string, body: object | string | Uint8Array<ArrayBuffer>, headers: RequestHeaders = {}
): Promise<Answer> {
  const sent = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
  return await answerOf(await fetch(http + path, { method: 'POST', body: sent, headers: { ...JSON_TYPE, ...headers } }))
}

export async function get ({ http }: RunningGateway, path: string, headers: RequestHeaders = {}): Promise<Answer> {
  return await answerOf(await fetch(http + path, { headers }))
}

export async function startWithoutRates (t: Test, env: RequestHeaders = {}): Promise<RunningGateway> {
  return await startGateway(t, { RATE_HTTP: '0', ...env })
}

export const MESSAGES = '/rooms/general/messages'
