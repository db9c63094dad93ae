import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { FileCard } from './file-card.tsx'
import { isShared } from './shared-file.ts'
import { shortened } from './shortened.ts'

/**
 * Only http and https; what ends a sentence is no part of an address, nor is what cannot be seen, or turns writing
 * around: what is shown is where it leads.
 */
const LINK = /https?:\/\/[^\s<>"'`\p{Cf}]+[^\s<>"'`.,;:!?)\]}\p{Cf}]/giu

interface ContentProps { readonly content: unknown, readonly room: string }

/** What a message says: text with its links, a shared file, or JSON as it is. */
export function Content ({ content, room }: ContentProps): JSX.Element {
  if (isShared(content)) return <FileCard file={content} room={room} />
  return <Text text={readable(content)} isJson={typeof content !== 'string'} />
}

function Text ({ text, isJson }: { readonly text: string, readonly isJson: boolean }): JSX.Element {
  const isWhole = useSignal(false)
  const short = shortened(text)
  const isCut = short !== text && !isWhole.value
  const shown = isCut ? short : text
  const rest = isCut ? '…' : ''
  return (
    <>
      {isJson ? <pre class='content'>{shown}{rest}</pre> : <p class='content' dir='auto'>{withLinks(shown, isCut)}{rest}</p>}
      {short !== text && (
        <button type='button' class='link' aria-expanded={isWhole.value} onClick={() => { isWhole.value = !isWhole.value }}>
          {isWhole.value ? 'Show less' : `Show all ${text.length.toLocaleString()} characters`}
        </button>
      )}
    </>
  )
}

/** @param isCut whether it goes on: an address that may go on with it leads nowhere */
function withLinks (text: string, isCut: boolean): Array<string | JSX.Element> {
  const parts: Array<string | JSX.Element> = []
  let end = 0
  for (const { 0: address, index } of text.matchAll(LINK)) {
    if (isCut && !/\s/.test(text.slice(index))) break
    parts.push(text.slice(end, index))
    parts.push(<a key={index} href={address} dir='ltr' target='_blank' rel='noopener noreferrer nofollow ugc'>{address}</a>)
    end = index + address.length
  }
  return [...parts, text.slice(end)]
}

/** As text, for reading out. */
export function readable (content: unknown): string {
  if (typeof content === 'string') return content
  if (isShared(content)) return `shared ${content.name}`
  try {
    return JSON.stringify(content) ?? ''
  } catch {
    return '(nested too deeply to show)'
  }
}
