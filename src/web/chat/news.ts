import { signal } from '@preact/signals'
import { readable } from './content.tsx'
import type { Said } from './lines.ts'
import { shortened } from './shortened.ts'

// Where much is said, what is read out would never end.
const EVERY_MS = 1_500
const MAX_READ = 2

/** What screen readers are told of new messages: one or two whole, more only as a number. */
class News {
  readonly text = signal('')
  #waiting: string[] = []
  #timer: ReturnType<typeof setTimeout> | undefined

  add ({ from, content, kind }: Omit<Said, 'at'>): void {
    this.#waiting.push(`${kind === 'announcement' ? 'Announcement: ' : ''}${from}: ${shortened(readable(content))}`)
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      const said = this.#waiting.splice(0)
      this.text.value = said.length > MAX_READ ? `${said.length} new messages` : said.join('. ')
    }, EVERY_MS)
  }
}

export const news = new News()
