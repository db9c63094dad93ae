import { pageToken } from './token.ts'

const TIMEOUT_MS = 8_000

/** What `fetch` needs to be let in where the gateway asks for a token. */
export function authorization (): Record<string, string> {
  const token = pageToken()
  return token === null ? {} : { Authorization: `Bearer ${token}` }
}

/** The answer; undefined where it is not to be had: no permission, no network, no such route. */
export async function get<Answer> (path: string): Promise<Answer | undefined> {
  try {
    const response = await fetch(path, { headers: authorization(), signal: AbortSignal.timeout(TIMEOUT_MS) })
    return response.ok ? await response.json() as Answer : undefined
  } catch {
    return undefined
  }
}
