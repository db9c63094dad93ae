import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import t from 'tap'
import { goBy, isOnline, open, say, shows } from '../helpers/browser.ts'
import { startGateway } from '../helpers/gateway.ts'
import { eventually } from '../../cluster/until.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface Violation {
  readonly id: string
  readonly impact: string
  readonly nodes: ReadonlyArray<{ readonly html: string }>
}

async function serious (page: Page): Promise<string[]> {
  await page.evaluate(axe)
  const violations = await page.evaluate<Violation[]>('axe.run().then(({ violations }) => violations)')
  return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

/** By the button that changes the name, in the list that slides in. */
async function goByAgain (page: Page, name: string): Promise<void> {
  await page.click('#menu')
  await page.click('#rename')
  await goBy(page, name)
  await page.keyboard.press('Escape')
}

// What can be used: all of it must be reached by the Tab key.
const CONTROLS = `[...document.querySelectorAll('a[href], button, input, textarea, [tabindex="0"]')]
  .filter((one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility({ visibilityProperty: true }))`
const NAME = '((one) => one.id || one.ariaLabel || one.textContent || one.className)'

async function reached (page: Page): Promise<[reached: string[], controls: string[]]> {
  const controls = await page.evaluate<string[]>(`${CONTROLS}.map(${NAME})`)
  await page.evaluate('document.activeElement.blur()')
  const names = new Set<string>()
  for (let n = 0; n < controls.length * 2 + 5; n++) {
    await page.keyboard.press('Tab')
    names.add(await page.evaluate<string>(`${NAME}(document.activeElement)`))
  }
  return [controls.filter((name) => names.has(name)), controls]
}

for (const colorScheme of ['light', 'dark'] as const) {
  t.test(`axe finds nothing serious on either page, ${colorScheme}, wide and narrow`, async (t) => {
    const { http } = await startGateway(t)
    const chat = await open(t, `${http}/chat`, { colorScheme })
    await goBy(chat, 'ann')
    await say(chat, 'see https://example.com')
    await shows(chat, 'ann', 'example.com')
    await chat.click('#announce')
    await say(chat, 'to everyone')
    await chat.locator('.announcement:not(.outgoing)').waitFor()
    const dashboard = await open(t, `${http}/dashboard`, { colorScheme })
    await dashboard.locator('#position', { hasText: /^0$/ }).waitFor()
    await dashboard.locator('#replicas').waitFor()
    await chat.setViewportSize({ width: 390, height: 780 })
    await goByAgain(chat, 'Somebody with quite a long name')
    await chat.setViewportSize({ width: 1280, height: 800 })
    for (const page of [chat, dashboard]) {
      t.equal(await page.evaluate<string>('document.documentElement.dataset.theme'), colorScheme)
      t.strictSame(await serious(page), [])
      await page.setViewportSize({ width: 390, height: 780 })
      t.strictSame(await serious(page), [])
      t.ok(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth') <= 0, 'it fits a phone')
    }
    await chat.click('#menu')
    t.strictSame(await serious(chat), [])
  })
}

t.test('every control is reached by the Tab key, and does what it says', async (t) => {
  const { http } = await startGateway(t)
  for (const path of ['/chat', '/dashboard']) {
    for (const width of [1280, 390]) {
      const page = await open(t, http + path, { viewport: { width, height: 780 } })
      await isOnline(page, width === 390 ? /guest/ : /^Online/)
      const [names, controls] = await reached(page)
      t.ok(controls.length >= 7, `${controls.length} controls on ${path} at ${width}`)
      t.strictSame(names, controls)
    }
  }
  const page = await open(t, `${http}/chat`)
  await isOnline(page, /^Online/)
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  t.equal(await page.evaluate<string>('document.activeElement.id'), 'main', 'the link that skips')
  await page.focus('#theme')
  for (const theme of ['light', 'dark']) {
    await page.keyboard.press('Enter')
    t.equal(await page.evaluate<string>('document.documentElement.dataset.theme'), theme)
  }
  await page.reload()
  t.equal(await page.evaluate<string>('document.documentElement.dataset.theme'), 'dark', 'it is remembered')
  const dashboard = await open(t, `${http}/dashboard`)
  await dashboard.locator('#position', { hasText: /^0$/ }).waitFor()
  await dashboard.focus('#car')
  await dashboard.keyboard.press('PageUp')
  await dashboard.locator('#position', { hasText: /^250$/ }).waitFor()
  await dashboard.keyboard.press('ArrowLeft')
  await dashboard.locator('#position', { hasText: /^200$/ }).waitFor()
  t.equal(await dashboard.getAttribute('#car', 'aria-valuenow'), '200')
})

t.test('who goes by keys alone is not sent back to the beginning of the page', async (t) => {
  const { http } = await startGateway(t)
  const page = await open(t, `${http}/chat`)
  await isOnline(page, /^Online/)
  const isAt = async (selector: string): Promise<void> => {
    await eventually(`the focus is at ${selector}`, async () =>
      await page.evaluate<boolean>(`document.activeElement.matches(${JSON.stringify(selector)})`))
  }
  await page.focus('#name')
  await page.keyboard.type('ann')
  await page.keyboard.press('Enter')
  await isAt('#rename')
  await page.keyboard.press('Enter')
  await isAt('#name')
  await page.keyboard.type('bob')
  await page.keyboard.press('Escape')
  await isAt('#rename')
  await isOnline(page, /as ann via/)
  await page.focus('#join-room')
  await page.keyboard.type('second')
  await page.keyboard.press('Enter')
  await page.locator('#room', { hasText: 'second' }).waitFor()
  await isAt('#text')
  await page.getByLabel('Leave second').focus()
  await page.keyboard.press('Enter')
  await isAt('#rooms [aria-current]')
  await page.setViewportSize({ width: 390, height: 780 })
  for (const [button, side] of [['#people', '#members-side'], ['#menu', '#menu']] as const) {
    await page.focus(button)
    await page.keyboard.press('Enter')
    await isAt(side)
    await page.keyboard.press('Escape')
    await isAt(button)
  }
})
