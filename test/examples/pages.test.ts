import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { freePort } from '../../cluster/ports.ts'
import { eventually } from '../../cluster/until.ts'
import { open } from '../helpers/browser.ts'
import { commandsOf, folderOf, installExample } from '../helpers/example.ts'
import { startGateway } from '../helpers/gateway.ts'
import { type } from '../helpers/typed.ts'

t.test('examples/ten-lines: a bare WebSocket in ten lines of script, on another origin', async (t) => {
  const sitePort = await freePort()
  const { port } = await startGateway(t, { ALLOWED_ORIGINS: `http://localhost:${sitePort}` })
  const html = readFileSync(join(folderOf('ten-lines'), 'index.html'), 'utf8')
  const [, script] = /<script>\n([\s\S]*)\n<\/script>/.exec(html)!
  t.equal(script!.split('\n').length, 10)
  // Where its gateway is stands in the page.
  const folder = t.testdir({ 'index.html': html.replace('localhost:8080', `localhost:${port}`) })
  const [command] = commandsOf('ten-lines')
  type(t, command!.replace('5500', String(sitePort)), folder)
  await eventuallyServed(`http://localhost:${sitePort}`)
  const [ann, bob] = await Promise.all([1, 2].map(() => open(t, `http://localhost:${sitePort}`)))
  await ann!.locator('button:enabled').waitFor()
  await bob!.locator('button:enabled').waitFor()
  await say(ann!, 'ten lines')
  for (const page of [ann!, bob!]) await page.locator('li', { hasText: /^guest-.{6}: ten lines$/ }).waitFor()
  const carol = await open(t, `http://localhost:${sitePort}`)
  await carol.locator('li', { hasText: 'ten lines' }).waitFor()
})

t.test('examples/react: a chat and the car, on another origin', async (t) => {
  const sitePort = await freePort()
  const { ws } = await startGateway(t, { ALLOWED_ORIGINS: `http://localhost:${sitePort}`, POSITION_MAX: '60' })
  const site = await startReact(t, sitePort, ws)
  const [ann, bob] = await Promise.all(['ann', 'bob'].map((user) => open(t, `${site}/?user=${user}`)))
  for (const page of [ann!, bob!]) await page.locator('[role=status]', { hasText: 'online' }).waitFor()
  for (const page of [ann!, bob!]) await page.locator('#members', { hasText: /^ann, bob$/ }).waitFor()
  await ann!.locator('button:enabled', { hasText: 'Send' }).waitFor()
  await say(ann!, 'from React')
  for (const page of [ann!, bob!]) await page.locator('li', { hasText: /^ann: from React$/ }).waitFor()
  await bob!.locator('button', { hasText: 'Forward' }).click()
  for (const page of [ann!, bob!]) await page.locator('output', { hasText: /^50$/ }).waitFor()
  await bob!.locator('button', { hasText: 'Forward' }).click()
  await bob!.locator('section', { hasText: /The car is at 50.*bounds/ }).waitFor()
  // An origin that nobody allowed: the same page by another name.
  const stranger = await open(t, site.replace('localhost', '127.0.0.1'))
  await stranger.locator('[role=status]', { hasText: 'waiting' }).waitFor()
})

/** As its README says, on a free port; resolves with where its page is. */
async function startReact (t: Test, port: number, gateway: string): Promise<string> {
  const [command] = commandsOf('react')
  const { says, lines } = type(t, command!, installExample(t, 'react'), { PORT: String(port), GATEWAY: gateway })
  await says(/^http:/)
  return lines.find((line) => line.startsWith('http:'))!
}

async function say (page: Page, text: string): Promise<void> {
  await page.locator('[name=text]').fill(text)
  await page.locator('[name=text]').press('Enter')
}

async function eventuallyServed (url: string): Promise<void> {
  await eventually('the page is served', async () => {
    try {
      return (await fetch(url)).status === 200
    } catch {
      return false
    }
  })
}
