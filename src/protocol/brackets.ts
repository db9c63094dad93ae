/**
 * Whether every bracket that is opened outside of strings is closed again, and no string is left open: what JSON needs,
 * told in a twentieth of the time that JSON.parse takes for a long row of `[`.
 *
 * @param text anything; `]` closes `{`, too: which it is, JSON.parse tells
 */
export function areBracketsClosed (text: string): boolean {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = closingQuote(text, at)
        if (at < 0) return false
        break
      case SQUARE_OPEN:
      case CURLY_OPEN:
        depth++
        // More are open than there is text left to close them.
        if (depth >= text.length - at) return false
        break
      case SQUARE_CLOSE:
      case CURLY_CLOSE:
        depth--
        if (depth < 0) return false
        break
    }
  }
  return depth === 0
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const [SQUARE_OPEN, SQUARE_CLOSE, CURLY_OPEN, CURLY_CLOSE] = [0x5b, 0x5d, 0x7b, 0x7d]

/** Of the string that begins at `at`; -1 where it does not end. */
export function closingQuote (text: string, at: number): number {
  for (;;) {
    at = text.indexOf('"', at + 1)
    if (at < 0) return -1
    let backslashes = 0
    while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return at
  }
}
