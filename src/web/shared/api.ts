import { addressOf } from './address.ts'
import { pageToken } from './token.ts'

const TIMEOUT_MS = 8_000

/** `refused`: it is not for this token, or there is no such route. `failed`: another time it may be had. */
export type Failure = 'refused' | 'failed'

/** What `fetch` needs to be let in where the gateway asks for a token. */
export function authorization (): Record<string, string> {
  const token = pageToken()
  return token === null ? {} : { Authorization: `Bearer ${token}` }
}

// Who was refused is not asked again, with the same token; by what was asked, the status of the answer.
const refused = new Map<string, number>()

/**
 * @param path without the `/` before it
 * @param query after the path, with its `?`
 */
export async function get<Answer extends object> (path: string, query = ''): Promise<Answer | Failure> {
  const headers = authorization()
  const question = JSON.stringify([path, headers])
  if (refused.has(question)) return 'refused'
  try {
    const response = await fetch(addressOf(path) + query, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) })
    if (response.ok) return await response.json() as Answer
    if (![401, 403, 404].includes(response.status)) return 'failed'
    refused.set(question, response.status)
    return 'refused'
  } catch {
    return 'failed'
  }
}

/** The status with which this was refused for good, with the token that there is now. */
export function refusalOf (path: string): number | undefined {
  return refused.get(JSON.stringify([path, authorization()]))
}
