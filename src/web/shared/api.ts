import { addressOf } from './address.ts'
import { pageToken } from './token.ts'

const TIMEOUT_MS = 8_000

/** What `fetch` needs to be let in where the gateway asks for a token. */
export function authorization (): Record<string, string> {
  const token = pageToken()
  return token === null ? {} : { Authorization: `Bearer ${token}` }
}

// Who was refused is not asked again, with the same token; by what was asked, the status of the answer.
const refused = new Map<string, number>()

/**
 * The answer; undefined where it is not to be had: no permission, no network, no such route.
 * @param path without the `/` before it
 * @param query after the path, with its `?`
 */
export async function get<Answer> (path: string, query = ''): Promise<Answer | undefined> {
  const headers = authorization()
  const question = JSON.stringify([path, headers])
  if (refused.has(question)) return undefined
  try {
    const response = await fetch(addressOf(path) + query, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) })
    if ([401, 403, 404].includes(response.status)) refused.set(question, response.status)
    return response.ok ? await response.json() as Answer : undefined
  } catch {
    return undefined
  }
}

/** The status with which this was refused for good, with the token that there is now. */
export function refusalOf (path: string): number | undefined {
  return refused.get(JSON.stringify([path, authorization()]))
}
