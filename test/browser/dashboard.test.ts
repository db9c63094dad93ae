import t from 'tap'
import { isOnline, open } from '../helpers/browser.ts'
import { connect } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { freePort } from '../../cluster/ports.ts'

t.test('what is pressed while a move is under way is one move, however often', async (t) => {
  const { http, port, ws } = await startGateway(t)
  const proxy = await TcpProxy.start(t, port)
  const page = await open(t, `http://127.0.0.1:${proxy.port}/dashboard`)
  const other = await open(t, `${http}/dashboard`)
  await page.locator('#position', { hasText: /^0$/ }).waitFor()
  proxy.targetPort = await freePort()
  proxy.cut()
  await page.locator('#status:not([data-state="online"])').waitFor()
  for (let n = 0; n < 20; n++) await page.click('#forward')
  await page.keyboard.press('ArrowLeft')
  proxy.targetPort = port
  await other.locator('#position', { hasText: /^950$/ }).waitFor()
  const follower = await connect(t, `${ws}?join=position`)
  t.match(await follower.next('position'), { position: 950, seq: 2 }, 'the first one, and all others')
})

t.test('replicas that cannot be told just now are not taken for a secret', async (t) => {
  const { http } = await startGateway(t)
  const page = await open(t, `${http}/dashboard`)
  await isOnline(page, /^Online/)
  await page.locator('#replicas tbody tr').waitFor()
  await page.route('**/replicas', async (route) => await route.fulfill({ status: 503 }))
  const card = page.locator('section', { has: page.locator('#replicas-title') })
  await card.getByText('Not answered just now').waitFor()
  t.equal(await page.locator('#replicas tbody tr').count(), 1, 'they are shown as they were')
  await page.unroute('**/replicas')
  await card.getByText('Not answered just now').waitFor({ state: 'detached' })
})
