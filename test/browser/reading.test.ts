import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { goBy, open, say, shows } from '../helpers/browser.ts'
import { connect } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { eventually } from '../../cluster/until.ts'

const FEW_LINES_PX = 300

/** A page that shows the newest of 260 messages, and who says more. */
async function busyRoom (t: Test): Promise<{ page: Page, talk: (from: number, to: number) => Promise<void> }> {
  const { http, ws } = await startGateway(t, { RATE_PUBLISHES: '0', RATE_REQUESTS: '0', LOG_LEVEL: 'warn' })
  const bot = await connect(t, `${ws}?user=bot&join=general`)
  await bot.next('joined')
  const talk = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++) bot.send({ type: 'message', room: 'general', content: `message ${n},` })
    await bot.ask({ type: 'ping' })
  }
  await talk(0, 200)
  const page = await open(t, `${http}/chat`)
  await goBy(page, 'ann')
  await shows(page, 'bot', 'message 199,')
  // More than are drawn while the newest are followed.
  await talk(200, 260)
  await shows(page, 'bot', 'message 259,')
  return { page, talk }
}

async function below (page: Page): Promise<number> {
  return await page.evaluate<number>(`(() => {
    const { scrollHeight, scrollTop, clientHeight } = document.getElementById('messages')
    return scrollHeight - scrollTop - clientHeight
  })()`)
}

async function scrollUp (page: Page): Promise<void> {
  await page.evaluate(`document.getElementById('messages').scrollTop -= ${FEW_LINES_PX}`)
  await page.locator('#to-newest').waitFor()
}

t.test('who reads back a few lines is left in peace, however much comes', async (t) => {
  const { page, talk } = await busyRoom(t)
  await scrollUp(page)
  // In the middle of what is seen.
  const line = page.locator('#messages .line', { hasText: 'message 240,' })
  const { y } = (await line.boundingBox())!
  await talk(260, 380)
  await page.locator('#news', { hasText: 'new messages' }).waitFor({ state: 'attached' })
  t.ok(Math.abs((await line.boundingBox())!.y - y) < 3)
  await page.click('#to-newest')
  await shows(page, 'bot', 'message 379,')
  t.ok(await below(page) < 2)
})

t.test('whoever writes while reading back is taken to the newest', async (t) => {
  const { page } = await busyRoom(t)
  await scrollUp(page)
  await say(page, 'mine')
  await shows(page, 'ann', 'mine')
  await eventually('it is in sight', async () => await below(page) < 2)
  t.equal(await page.locator('#to-newest').count(), 0)
})

t.test('the newest stays in sight when a keyboard or a long draft takes room', async (t) => {
  const { page } = await busyRoom(t)
  await page.setViewportSize({ width: 390, height: 400 })
  await eventually('in a small window', async () => await below(page) < 2)
  await page.fill('#text', 'a\nb\nc\nd')
  await eventually('above a long draft', async () => await below(page) < 2)
})
