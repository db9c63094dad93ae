import { stripVTControlCharacters, styleText } from 'node:util'
import stringWidth from 'string-width'
import type { Io, Output } from './io.ts'

type Format = Parameters<typeof styleText>[0]
/** Colours a text, or leaves it as it is. */
export type Paint = (format: Format, text: string) => string

const DEFAULT_COLUMNS = 100
const LEAST_COLUMNS = 40

/**
 * Whether there may be colours: a terminal that has some, unless NO_COLOR (https://no-color.org) or FORCE_COLOR say
 * otherwise.
 */
function hasColours (output: Output, env: Io['env']): boolean {
  if (env['NO_COLOR']) return false
  if (env['FORCE_COLOR']) return env['FORCE_COLOR'] !== '0'
  return output.isTTY === true && env['TERM'] !== 'dumb'
}

export function paintFor (output: Output, env: Io['env']): Paint {
  if (!hasColours(output, env)) return (_format, text) => text
  return (format, text) => styleText(format, text, { validateStream: false })
}

/** Of a terminal its width; for files and pipes nothing is wrapped. */
export function columnsOf (output: Output): number {
  if (output.isTTY !== true) return Infinity
  return Math.max(LEAST_COLUMNS, output.columns ?? DEFAULT_COLUMNS)
}

// Controls (C0, DEL, C1: a terminal obeys them), what turns the direction of a line round (Trojan Source,
// CVE-2021-42574), what ends a line elsewhere, what cannot be seen, and halves of surrogate pairs.
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/gu

/** Text of a stranger's, safe for a terminal: what could command it is shown as an escape, such as `\u{1b}`. */
export function printable (text: string): string {
  return text.replace(UNPRINTABLE, (char) => {
    if (char === '\n') return '\\n'
    if (char === '\t') return '\\t'
    if (char === '\r') return '\\r'
    return `\\u{${char.codePointAt(0)!.toString(16)}}`
  })
}

/** A value as JSON on one line, with what a terminal would obey escaped: it stays the same JSON. */
export function safeJson (value: unknown): string {
  return JSON.stringify(value).replace(UNPRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** In columns of a terminal: a CJK character takes two, colours none. */
export function widthOf (text: string): number {
  return stringWidth(text)
}

/** Filled up with spaces, or cut with an ellipsis; before colours. */
export function fit (text: string, columns: number): string {
  const missing = columns - widthOf(text)
  if (missing >= 0) return text + ' '.repeat(missing)
  let cut = ''
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (widthOf(cut + segment) > columns - 1) break
    cut += segment
  }
  return fit(`${cut}…`, columns)
}

/** Broken between words, so that no line is wider; the lines after the first begin with so many spaces. */
export function wrap (text: string, columns: number, indent: number): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && widthOf(longer) > columns - indent) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`)
}

interface Column { readonly title: string, readonly align?: 'left' | 'right' }

/** Rows under titles, as wide as they need; the last column is not padded. Cells may be coloured. */
export function table (columns: readonly Column[], rows: ReadonlyArray<readonly string[]>, paint: Paint): string {
  const widths = columns.map(({ title }, index) => Math.max(widthOf(title), ...rows.map((row) => widthOf(row[index]!))))
  const line = (cells: readonly string[]): string => cells.map((cell, index) => {
    const space = ' '.repeat(widths[index]! - widthOf(cell))
    return columns[index]!.align === 'right' ? space + cell : cell + space
  }).join('  ').trimEnd()
  const titles = line(columns.map(({ title }) => title))
  return [paint('dim', titles), ...rows.map(line)].map((each) => `${each}\n`).join('')
}

/** Without colours. */
export function plain (text: string): string {
  return stripVTControlCharacters(text)
}
