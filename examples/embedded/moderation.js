// A moderation hook: words that are masked here, and a service that may say no.

/**
 * @param {string | undefined} url of a service that is asked `{ user, text }` and answers `{ refuse?: string }`; where it
 * fails or does not answer in time, the message is refused, and nobody else's waits
 * @returns {NonNullable<import('tidegate').Hooks['onMessage']>}
 */
export function createModeration (url) {
  return async ({ user, content }, { signal }) => {
    if (typeof content !== 'string') return { refuse: 'only text, please' }
    if (/https?:\/\//.test(content)) return { refuse: 'no links, please' }
    const masked = content.replace(/\bdarn\b/gi, '****')
    if (url === undefined) return { content: masked }
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ user, text: content }), signal })
    if (!answer.ok) throw new Error(`moderation answered ${answer.status}`)
    const { refuse } = /** @type {{ refuse?: string }} */ (await answer.json())
    return refuse === undefined ? { content: masked } : { refuse }
  }
}
