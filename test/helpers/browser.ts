import { mkdirSync } from 'node:fs'
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import t, { type Test } from 'tap'

const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', headless: true, chromiumSandbox: false
})
t.teardown(() => browser.close())

const OUTAGE = new RegExp('WebSocket connection|ERR_CONNECTION|ERR_INCOMPLETE_CHUNKED|ERR_INTERNET_DISCONNECTED|' +
  'status of (40[01]|413|50[23])')

/** Where screenshots go, for whoever wants to look at them. */
const SCREENSHOTS = process.env['SCREENSHOTS']

/** A page of its own; what it says on its console, or throws, is a failure. */
export async function open (t: Test, url: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  let isOver = false
  t.teardown(async () => {
    isOver = true
    await context.close()
  })
  const page = await context.newPage()
  page.on('pageerror', (error) => t.fail(`the page threw: ${error.message}`))
  page.on('console', (message) => {
    // A browser reports every connection that breaks, an event stream's too, and what is refused; a test wants these.
    const isUpload = /\/files\?name=/.test(message.location().url)
    if (!isOver && message.type() === 'error' && !OUTAGE.test(message.text()) && !isUpload) t.fail(message.text())
  })
  await page.goto(url)
  return page
}

/** Goes by a name, in an open gateway. */
export async function goBy (page: Page, name: string): Promise<void> {
  await page.fill('#name', name)
  await page.press('#name', 'Enter')
  await isOnline(page, new RegExp(`as ${name} via`))
}

/** The lines of the conversation that are drawn, as their text. */
export async function texts (page: Page): Promise<string[]> {
  return await page.locator('#messages .content').allTextContents()
}

export async function isOnline (page: Page, who: RegExp): Promise<void> {
  await page.locator('#status', { hasText: who }).waitFor()
}

export async function say (page: Page, text: string): Promise<void> {
  await page.fill('#text', text)
  await page.press('#text', 'Enter')
}

export async function shows (page: Page, from: string, content: string): Promise<void> {
  await page.locator('#messages .message', { hasText: content })
    .filter({ has: page.locator('.from', { hasText: from }) }).waitFor()
}

export async function screenshot (page: Page, name: string): Promise<void> {
  if (SCREENSHOTS === undefined) return
  mkdirSync(SCREENSHOTS, { recursive: true })
  await page.screenshot({ path: `${SCREENSHOTS}/${name}.png` })
}
