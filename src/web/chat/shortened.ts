// Two screens of a phone. Gateways take messages of 64 KiB and more, and 200 of them may be drawn.
const MAX_CHARS = 2_000
const MAX_LINES = 40

/** The beginning of a text that is too long to be drawn at once, or all of it. */
export function shortened (text: string): string {
  const lines = text.slice(0, MAX_CHARS).split('\n', MAX_LINES + 1)
  const short = lines.slice(0, MAX_LINES).join('\n')
  // Not in the middle of a character.
  return short.length === text.length ? text : short.replace(/[\uD800-\uDBFF]$/, '')
}
