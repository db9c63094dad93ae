import type { JSX } from 'preact'

const HUES = 8

/** Two letters on a colour that is always the same for a name. */
export function Avatar ({ name }: { readonly name: string }): JSX.Element {
  const words = name.split(/[\s._-]+/).filter((word) => word !== '')
  const letters = words.length > 1 ? words.slice(0, 2).map((word) => [...word][0]) : [...words[0] ?? '?'].slice(0, 2)
  let hash = 0
  for (const char of name) hash = (hash * 31 + char.codePointAt(0)!) >>> 0
  return <span class={`avatar hue-${hash % HUES}`} aria-hidden='true'>{letters.join('').toUpperCase()}</span>
}
