// `npm run screenshots`: pictures of the pages for docs/pictures/, of a gateway with three replicas behind nginx.
import { mkdirSync } from 'node:fs'
import { chromium, type Browser, type Page } from 'playwright-core'
import { Cluster } from '../../cluster/cluster.ts'

const OUT = 'docs/pictures'
const WIDE = { width: 1200, height: 720 }
const NARROW = { width: 390, height: 780 }
const TALK: ReadonlyArray<readonly ['ann' | 'bob', string]> = [
  ['ann', 'Morning! The new release is on all three replicas.'],
  ['ann', 'What changed: https://tidegate.example/changes'],
  ['bob', 'I killed one of them while I wrote this. It came once, and in order.'],
  ['ann', 'And who was on the train came back to all of it.']
]

async function goByName (page: Page, name: string): Promise<void> {
  await page.fill('#name', name)
  await page.press('#name', 'Enter')
  await page.locator('#status', { hasText: `as ${name} via` }).waitFor()
}

async function sayText (page: Page, text: string): Promise<void> {
  await page.fill('#text', text)
  await page.press('#text', 'Enter')
}

async function open (browser: Browser, url: string, colorScheme: 'light' | 'dark', viewport = WIDE): Promise<Page> {
  const page = await (await browser.newContext({ viewport, colorScheme, locale: 'en-GB' })).newPage()
  await page.goto(url)
  return page
}

/** Few colours, so small files. */
async function picture (page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${OUT}/${name}.png`, animations: 'disabled', caret: 'hide' })
}

async function chat (browser: Browser, http: string): Promise<void> {
  const people = { ann: await open(browser, `${http}/chat`, 'light'), bob: await open(browser, `${http}/chat`, 'dark') }
  await goByName(people.ann, 'Ann Larsen')
  await goByName(people.bob, 'Bob Okafor')
  for (const room of ['release-2', 'support', 'general']) {
    await people.ann.fill('#join-room', room)
    await people.ann.press('#join-room', 'Enter')
  }
  const [ann, bob] = [people.ann, people.bob]
  await ann.locator('#rooms .current', { hasText: 'general' }).waitFor()
  for (const [who, text] of TALK) {
    await sayText(people[who], text)
    for (const page of [ann, bob]) await page.locator('.line:not(.outgoing)', { hasText: text.slice(0, 20) }).waitFor()
  }
  await bob.fill('#join-room', 'support')
  await bob.press('#join-room', 'Enter')
  await sayText(bob, 'Is anybody here?')
  await ann.locator('#rooms .unread').waitFor()
  await bob.locator('#rooms .open', { hasText: 'general' }).click()
  await bob.click('#announce')
  await sayText(bob, 'Maintenance at noon, ten minutes. You will not notice.')
  for (const page of [ann, bob]) await page.locator('.announcement:not(.outgoing)').waitFor()
  await bob.locator('#text').pressSequentially('Back at')
  await ann.locator('#typing[data-on="true"]').waitFor()
  // The guests they were before are gone after a while.
  await ann.locator('#members-title', { hasText: /^2 here$/ }).waitFor()
  await bob.locator('#text').pressSequentially('.')
  await picture(ann, 'chat-wide-light')
  await picture(bob, 'chat-wide-dark')
  for (const page of [ann, bob]) await page.setViewportSize(NARROW)
  await picture(ann, 'chat-narrow-light')
  await picture(bob, 'chat-narrow-dark')
}

async function dashboard (browser: Browser, http: string): Promise<void> {
  const tall = { width: WIDE.width, height: 1010 }
  const light = await open(browser, `${http}/dashboard`, 'light', tall)
  const dark = await open(browser, `${http}/dashboard`, 'dark', tall)
  for (const [page, name] of [[light, 'Ann Larsen'], [dark, 'Bob Okafor']] as const) {
    await page.goto(`${http}/chat`)
    await goByName(page, name)
    await page.goto(`${http}/dashboard`)
  }
  for (const page of [light, dark]) await page.locator('#replicas tbody tr').nth(2).waitFor()
  for (const [button, times] of [['#forward', 4], ['#backward', 6], ['#forward', 9]] as const) {
    for (let n = 0; n < times; n++) {
      await light.click(button)
      await light.waitForTimeout(700)
    }
  }
  await light.waitForTimeout(2_500)
  await picture(light, 'dashboard-wide-light')
  await picture(dark, 'dashboard-wide-dark')
  for (const page of [light, dark]) await page.setViewportSize(NARROW)
  await light.waitForTimeout(500)
  await picture(light, 'dashboard-narrow-light')
  await picture(dark, 'dashboard-narrow-dark')
}

mkdirSync(OUT, { recursive: true })
const cluster = await Cluster.start()
const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const browser = await chromium.launch({ executablePath, chromiumSandbox: false })
try {
  await chat(browser, cluster.http)
  await dashboard(browser, cluster.http)
} finally {
  await browser.close()
  await cluster.stop('SIGKILL')
}
