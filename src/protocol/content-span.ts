import { closingQuote } from './brackets.ts'

/**
 * Finds the text of the last top-level member `name` of a JSON object, so that a payload can be passed on as
 * the bytes that were sent: 1.0 and 12345678901234567890 stay what they are, and deep nesting costs no stack.
 * The last one wins, as with JSON.parse.
 *
 * @param text a JSON object that JSON.parse has accepted
 * @returns the member's value as it was written, or undefined where there is no such member
 */
export function memberText (text: string, name: string): string | undefined {
  let found: string | undefined
  let at = skipSpace(text, text.indexOf('{') + 1)
  while (text[at] === '"') {
    const keyEnd = skipString(text, at)
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1)
    const end = skipValue(text, start)
    if (isKey(text.slice(at, keyEnd), name)) found = text.slice(start, end)
    at = skipSpace(text, end)
    if (text[at] !== ',') break
    at = skipSpace(text, at + 1)
  }
  return found
}

function isKey (literal: string, name: string): boolean {
  return literal.includes('\\') ? JSON.parse(literal) === name : literal.slice(1, -1) === name
}

function skipSpace (text: string, at: number): number {
  for (;;) {
    const unit = text.charCodeAt(at)
    if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return at
    at++
  }
}

/** From an opening quote to just behind the closing one. */
function skipString (text: string, at: number): number {
  return closingQuote(text, at) + 1
}

function skipValue (text: string, at: number): number {
  const first = text[at]
  if (first === '"') return skipString(text, at)
  if (first !== '{' && first !== '[') return skipPrimitive(text, at)
  let depth = 0
  for (;;) {
    const char = text[at]
    if (char === '"') {
      at = skipString(text, at)
      continue
    }
    if (char === '{' || char === '[') depth++
    else if ((char === '}' || char === ']') && --depth === 0) return at + 1
    at++
  }
}

function skipPrimitive (text: string, at: number): number {
  while (at < text.length && !', \n\r\t}]'.includes(text[at]!)) at++
  return at
}
