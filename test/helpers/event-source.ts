import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { open } from './browser.ts'

/** What a browser's EventSource did, in its order. */
export interface Told {
  readonly source: string
  readonly data?: string
  readonly lastEventId?: string
  /** Of an EventSource that has lost its connection: whether it tries again (0), or not (2). */
  readonly state?: number
}

/** A page of the gateway's own origin, whose EventSources tell all that they do. */
export async function listen (test: Test, http: string, onTold: (told: Told) => void): Promise<Page> {
  const page = await open(test, `${http}/healthz`)
  await page.exposeFunction('tell', onTold)
  return page
}

export async function follow (page: Page, source: string, query: string): Promise<void> {
  await page.evaluate(([source, query]) => {
    const { tell } = globalThis as unknown as { tell: (told: Told) => void }
    const events = new EventSource(`/events?${query}`)
    Object.assign(globalThis, { events })
    events.onmessage = ({ data, lastEventId }) => tell({ source, data, lastEventId })
    events.onerror = () => tell({ source, state: events.readyState })
  }, [source, query] as const)
}
