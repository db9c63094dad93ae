import type { JSX } from 'preact'
import { FileCard } from './file-card.tsx'
import { isShared } from './shared-file.ts'

/** Only http and https; what ends a sentence is no part of an address, and nothing that turns its letters around. */
const LINK = /https?:\/\/[^\s<>"'`\p{Bidi_Control}]+[^\s<>"'`.,;:!?)\]}\p{Bidi_Control}]/giu

/** What a message says: text with its links, a shared file, or JSON as it is. */
export function Content ({ content, room }: { readonly content: unknown, readonly room: string }): JSX.Element {
  if (typeof content === 'string') return <p class='content' dir='auto'>{withLinks(content)}</p>
  if (isShared(content)) return <FileCard file={content} room={room} />
  return <pre class='content'>{readable(content)}</pre>
}

function withLinks (text: string): Array<string | JSX.Element> {
  const parts: Array<string | JSX.Element> = []
  let end = 0
  for (const { 0: address, index } of text.matchAll(LINK)) {
    parts.push(text.slice(end, index))
    parts.push(<a key={index} href={address} target='_blank' rel='noopener noreferrer nofollow ugc'>{address}</a>)
    end = index + address.length
  }
  return [...parts, text.slice(end)]
}

/** As text, for reading out. */
export function readable (content: unknown): string {
  if (typeof content === 'string') return content
  if (isShared(content)) return `shared ${content.name}`
  try {
    return JSON.stringify(content)
  } catch {
    return '(nested too deeply to show)'
  }
}
