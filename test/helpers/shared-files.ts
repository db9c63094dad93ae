import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import type { Test } from 'tap'
import { type RunningGateway, startGateway } from './gateway.ts'

interface SharedFile {
  readonly id: string
  readonly name: string
  readonly mediaType: string
  readonly bytes: number
  readonly url: string
}

interface Answer {
  readonly status: number
  readonly reason?: string
  readonly message?: string
  readonly seq?: number
  readonly duplicate?: boolean
  readonly file?: SharedFile
}

export const FREE = { RATE_FILES: '0', RATE_HTTP: '0' }

/** A gateway whose files are in a folder that the test can look into. */
export async function startWithFolder (
  t: Test, env: Readonly<Record<string, string>> = {}
): Promise<RunningGateway & { readonly kept: () => string[] }> {
  const dir = t.testdir()
  const gateway = await startGateway(t, { ...FREE, FILES_DIR: dir, ...env })
  return { ...gateway, kept: () => readdirSync(dir) }
}

export async function upload (
  http: string, body: string | Buffer, query = '', headers: Readonly<Record<string, string>> = {}, room = 'general'
): Promise<Answer> {
  const answer = await fetch(`${http}/rooms/${room}/files${query}`, { method: 'POST', body, headers })
  return { status: answer.status, ...await answer.json() as object }
}

/** `GET`, without what fetch adds. */
export async function getRaw (
  url: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'
): Promise<{ response: IncomingMessage, body: string }> {
  const [response] = await once(request(url, { headers, method }).end(), 'response') as [IncomingMessage]
  const parts: Buffer[] = []
  for await (const chunk of response) parts.push(chunk as Buffer)
  return { response, body: Buffer.concat(parts).toString('latin1') }
}
