import { randomBytes } from 'node:crypto'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { isOnline, open, say } from '../helpers/browser.ts'
import { talker } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { eventually } from '../../cluster/until.ts'

// Worse than what browsers call "Slow 3G".
const LATENCY_MS = 1_200
const BYTES_PER_SECOND = 40_000
// The dashboard asks every 2 s.
const LONGER_THAN_ASKED_MS = 2_500
const WAY_MS = 400

/** A page whose network is slow from its first byte on. */
async function openSlowly (t: Test, url: string, latency = LATENCY_MS): Promise<Page> {
  const page = await open(t, 'about:blank')
  const devTools = await page.context().newCDPSession(page)
  await devTools.send('Network.enable')
  await devTools.send('Network.emulateNetworkConditions', {
    offline: false, latency, downloadThroughput: BYTES_PER_SECOND, uploadThroughput: BYTES_PER_SECOND
  })
  await page.goto(url, { waitUntil: 'commit' })
  return page
}

/** Chromium slows a WebSocket's beginning down, and not its frames. */
async function delayed (t: Test, port: number, path: string): Promise<string> {
  const proxy = await TcpProxy.start(t, port)
  proxy.delayMs = WAY_MS
  return `http://127.0.0.1:${proxy.port}${path}`
}

t.test('on a slow network the chat says at each moment what it is at, and works', async (t) => {
  const { port, ws } = await startGateway(t, { FILES_DIR: t.testdir(), RATE_PUBLISHES: '0', RATE_REQUESTS: '0' })
  const bot = await talker(t, ws, 60)

  const page = await openSlowly(t, await delayed(t, port, '/chat'))
  await page.locator('.brand', { hasText: 'Tidegate' }).waitFor()
  await page.locator('#status', { hasText: 'Connecting…' }).waitFor()
  await page.locator('#banner', { hasText: 'Still connecting' }).waitFor()
  t.equal(await page.locator('.past', { hasText: 'Joining…' }).count(), 1)
  t.equal(await page.locator('#attach').count(), 1, 'what there is, is known with the page')
  await isOnline(page, /^Online/)
  await page.locator('#banner').waitFor({ state: 'detached' })
  await page.locator('#messages .content', { hasText: 'message 60,' }).waitFor()

  await say(page, 'hello')
  await page.locator('.outgoing .fate', { hasText: 'Sending…' }).waitFor()
  await bot.take(({ content }) => content === 'hello', 'what was said')
  await eventually('it is solid', async () => await page.locator('.outgoing').count() === 0)

  await page.evaluate("document.getElementById('messages').scrollTop = 0")
  await page.locator('.past', { hasText: 'Loading older messages…' }).waitFor()
  await page.locator('#messages .content', { hasText: 'message 1,' }).waitFor({ state: 'attached' })

  await page.setInputFiles('#file', { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from(randomBytes(90_000).toString('hex')) })
  await eventually('it shows how far it is', async () => {
    const share = await page.locator('.uploads progress').getAttribute('value')
    return Number(share) > 0 && Number(share) < 1
  })
  await page.locator('#messages a.file', { hasText: 'notes.txt' }).waitFor()
})

t.test('on a slow network the dashboard asks one thing at a time, and its car moves', async (t) => {
  const { port } = await startGateway(t)
  const page = await openSlowly(t, await delayed(t, port, '/dashboard'), LONGER_THAN_ASKED_MS)
  let asking = 0
  let most = 0
  const isReplicas = (request: { url (): string }): boolean => request.url().endsWith('/replicas')
  page.on('request', (request) => { if (isReplicas(request)) most = Math.max(most, ++asking) })
  page.on('requestfinished', (request) => { if (isReplicas(request)) asking-- })
  await page.locator('h2', { hasText: 'Replicas' }).waitFor()
  await page.locator('section', { has: page.locator('#replicas-title') }).getByText('Asking…').waitFor()
  await page.locator('#replicas').waitFor()
  await page.click('#forward')
  await page.locator('#position', { hasText: /^50$/ }).waitFor()
  for (const id of ['#ping-ms', '#move-ms']) {
    await eventually(`${id} tells it`, async () => Number.parseInt(await page.textContent(id) ?? '') >= 2 * WAY_MS)
  }
  t.equal(most, 1)
})
