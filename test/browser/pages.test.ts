import { randomBytes } from 'node:crypto'
import t from 'tap'
import { goBy, isOnline, open, say, screenshot, shows } from '../helpers/browser.ts'
import { startGateway } from '../helpers/gateway.ts'
import { SECRET, tokenOf } from '../helpers/tokens.ts'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'

const redis = await RedisServer.start()
t.teardown(() => redis.stop())

t.test('two chat tabs and a dashboard on different replicas see each other', async (t) => {
  const REDIS_PREFIX = `test-${randomBytes(6).toString('hex')}:`
  const [a, b, c] = await Promise.all(['gw-a', 'gw-b', 'gw-c'].map((REPLICA) =>
    startGateway(t, { REDIS_URL: redis.url, REDIS_PREFIX, REPLICA })))
  const ann = await open(t, `${a!.http}/chat`)
  const bob = await open(t, `${b!.http}/chat`)
  const dashboard = await open(t, `${c!.http}/dashboard`)
  await goBy(ann, 'ann')
  await goBy(bob, 'bob')
  await isOnline(ann, /as ann via gw-a/)
  await isOnline(bob, /as bob via gw-b/)
  await isOnline(dashboard, /gw-c/)
  t.equal(await dashboard.textContent('#replica'), 'gw-c')

  for (const page of [ann, bob]) {
    const names = page.locator('#present .member-name')
    await eventually('both are here', async () => (await names.allTextContents()).join() === 'ann,bob')
  }
  await say(ann, 'Hello, Bob')
  await shows(bob, 'ann', 'Hello, Bob')
  await say(bob, 'Hello, Ann')
  await shows(ann, 'bob', 'Hello, Ann')
  t.equal(await ann.locator('#messages .message').count(), 2)

  await dashboard.locator('#position', { hasText: /^0$/ }).waitFor()
  const before = await dashboard.locator('#car').boundingBox()
  await dashboard.click('#forward')
  await dashboard.locator('#position', { hasText: /^50$/ }).waitFor()
  await eventually('the car has moved', async () => (await dashboard.locator('#car').boundingBox())!.x > before!.x + 10)
  const other = await open(t, `${a!.http}/dashboard`)
  await other.locator('#position', { hasText: /^50$/ }).waitFor()
  await other.click('#backward')
  await other.click('#backward')
  await dashboard.locator('#position', { hasText: /^−50$/ }).waitFor()

  await bob.fill('#join-room', 'lobby')
  await bob.press('#join-room', 'Enter')
  await say(bob, 'Only for the lobby')
  await shows(bob, 'bob', 'Only for the lobby')
  await say(ann, 'Still in general')
  await shows(ann, 'ann', 'Still in general')
  t.equal(await ann.locator('#messages .message', { hasText: 'Only for the lobby' }).count(), 0)
  await bob.locator('#rooms .unread', { hasText: /^1 unread$/ }).waitFor()
  t.equal(await bob.locator('#messages .message', { hasText: 'Still in general' }).count(), 0)

  for (const [page, name] of [[ann, 'chat'], [dashboard, 'dashboard']] as const) {
    await screenshot(page, `${name}-wide`)
    await page.setViewportSize({ width: 380, height: 740 })
    await screenshot(page, `${name}-narrow`)
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth')
    t.ok(overflow <= 0, `${name} fits a phone`)
  }
})

t.test('a latecomer sees the history, and text is only ever text', async (t) => {
  const { http } = await startGateway(t)
  const ann = await open(t, `${http}/chat`)
  await isOnline(ann, /^Online/)
  const attack = '<img src=x onerror="document.title=\'owned\'"><b>bold</b>'
  await say(ann, attack)
  await shows(ann, 'guest-', attack)
  const bob = await open(t, `${http}/chat`)
  await shows(bob, 'guest-', attack)
  t.equal(await bob.locator('#messages .content img, #messages .content b').count(), 0)
  t.not(await bob.title(), 'owned')
})

t.test('the chat says that it has lost the connection, comes back by itself, and misses nothing', async (t) => {
  const REDIS_PREFIX = `test-${randomBytes(6).toString('hex')}:`
  const first = await startGateway(t, { REDIS_URL: redis.url, REDIS_PREFIX, REPLICA: 'before' })
  const page = await open(t, `${first.http}/chat`)
  await isOnline(page, /via before/)
  await say(page, 'one')
  await shows(page, 'guest-', 'one')
  await first.gateway.stop()
  await page.locator('#banner', { hasText: /The connection was lost/ }).waitFor()
  const second = await startGateway(t, { REDIS_URL: redis.url, REDIS_PREFIX, REPLICA: 'after', PORT: String(first.port) })
  await isOnline(page, /via after/)
  t.equal(await page.locator('#messages .message', { hasText: 'one' }).count(), 1)
  t.equal(await page.locator('#messages .gap-line').count(), 0)
  await say(page, 'two')
  await shows(page, 'guest-', 'two')
  t.ok(second.port)
})

t.test('with a token behind the # the pages are who it says, and may what it allows', async (t) => {
  const { http } = await startGateway(t, { AUTH_SECRET: SECRET })
  const ann = await tokenOf('ann', { can: ['move'] })
  const chat = await open(t, `${http}/chat#token=${ann}`)
  await isOnline(chat, /as ann via/)
  t.equal(await chat.locator('#name').count(), 0, 'a token says who somebody is')
  await say(chat, 'Hello')
  await shows(chat, 'ann', 'Hello')
  const dashboard = await open(t, `${http}/dashboard#token=${ann}`)
  await dashboard.locator('#position', { hasText: /^0$/ }).waitFor()
  await dashboard.click('#forward')
  await dashboard.locator('#position', { hasText: /^50$/ }).waitFor()
  t.notMatch(chat.url(), /token/, 'it is not left in the address bar')
  await chat.reload()
  await isOnline(chat, /as ann via/)
  const nobody = await open(t, `${http}/chat`)
  await nobody.locator('#banner', { hasText: /Stopped: this gateway asks for a token/ }).waitFor()
  await nobody.evaluate(`location.hash = 'token=${ann}'`)
  await isOnline(nobody, /as ann via/)
  const stranger = await open(t, `${http}/chat#token=bad`)
  await stranger.locator('#banner', { hasText: /Stopped: this gateway asks for a token, or does not take this one/ }).waitFor()
  await stranger.fill('#token', await tokenOf('eve'))
  await stranger.click('#token-form button')
  await isOnline(stranger, /as eve via/)
})
