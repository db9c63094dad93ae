import t from 'tap'
import { open, screenshot } from '../helpers/browser.ts'
import { startGateway } from '../helpers/gateway.ts'

t.test('/docs is looked through and tried under our policy, and asks nobody else for anything', async (t) => {
  const { http } = await startGateway(t)
  // What the policy forbids is an error on the console, which fails the test.
  const page = await open(t, 'about:blank')
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  page.on('requestfailed', (request) => t.fail(`${request.url()}: ${request.failure()?.errorText}`))
  await page.goto(`${http}/docs`)
  const publish = page.locator('.opblock-post', { hasText: '/rooms/{room}/messages' })
  await publish.waitFor()
  t.ok(await page.locator('.opblock').count() >= 13)
  await screenshot(page, 'docs-list')

  await publish.locator('.opblock-summary-control').click()
  await publish.locator('.try-out__btn').click()
  await publish.locator('input[placeholder="room"]').fill('general')
  await publish.locator('textarea.body-param__text').fill('{"content":"tried"}')
  await publish.locator('button.execute').click()
  const answer = publish.locator('.live-responses-table .response .highlight-code').first()
  await answer.waitFor()
  t.match(JSON.parse((await answer.textContent())!.replace(/^Download|Download$/g, '')), { seq: 1 })
  await publish.scrollIntoViewIfNeeded()
  await screenshot(page, 'docs-tried')
  t.match(await (await fetch(`${http}/rooms/general/messages`)).json(), { messages: [{ content: 'tried', from: 'server' }] })

  t.ok(asked.length > 5, 'requests were seen')
  t.strictSame(asked.filter((url) => !url.startsWith(`${http}/`) && !url.startsWith('data:')), [], 'none went elsewhere')
})
