import t from 'tap'
import { goBy, isOnline, open, say, shows, texts } from '../helpers/browser.ts'
import { connect } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { SECRET, tokenOf } from '../helpers/tokens.ts'
import { freePort } from '../../cluster/ports.ts'
import { eventually } from '../../cluster/until.ts'

t.test('what is written is shown at once, and solid when the gateway has it; what it refuses can be tried again', async (t) => {
  const { http } = await startGateway(t, { MAX_MESSAGE_BYTES: '400' })
  const ann = await open(t, `${http}/chat`)
  await goBy(ann, 'ann')
  await say(ann, 'x'.repeat(500))
  await ann.locator('.outgoing.failed .fate', { hasText: 'Not sent' }).waitFor()
  const asksBeforeItEnds = async (): Promise<boolean> =>
    await ann.evaluate<boolean>("!window.dispatchEvent(new Event('beforeunload', { cancelable: true }))")
  t.ok(await asksBeforeItEnds(), 'what is not sent lives as long as the page')
  await ann.locator('.outgoing').getByText('Discard').click()
  t.equal(await ann.locator('.outgoing').count(), 0)
  t.notOk(await asksBeforeItEnds())
  await say(ann, 'short')
  await shows(ann, 'ann', 'short')
  await eventually('it is solid', async () => await ann.locator('.outgoing').count() === 0)
})

t.test('a line of others says who writes, and goes when it has come', async (t) => {
  const { http } = await startGateway(t)
  const [ann, bob] = [await open(t, `${http}/chat`), await open(t, `${http}/chat`)]
  await goBy(ann, 'ann')
  await goBy(bob, 'bob')
  await ann.locator('#text').pressSequentially('hel')
  await bob.locator('#typing', { hasText: 'ann is writing' }).waitFor()
  await say(ann, 'hello')
  await bob.locator('#typing[data-on="false"]').waitFor()
  t.equal(await ann.locator('#typing[data-on="true"]').count(), 0, 'not to oneself')
  await ann.locator('#text').pressSequentially('hel')
  await bob.locator('#typing', { hasText: 'ann is writing' }).waitFor()
  await ann.click('#announce')
  await say(ann, 'hello, all')
  await bob.locator('.announcement', { hasText: 'hello, all' }).waitFor()
  t.equal(await bob.locator('#typing[data-on="true"]').count(), 0, 'what was written has come')
})

t.test('an announcement is in every room, and only http and https become links', async (t) => {
  const { http } = await startGateway(t)
  const [ann, bob] = [await open(t, `${http}/chat#one`), await open(t, `${http}/chat#two`)]
  await goBy(ann, 'ann')
  await goBy(bob, 'bob')
  await ann.click('#announce')
  await say(ann, 'at noon')
  await bob.locator('.announcement', { hasText: 'at noon' }).waitFor()
  await say(ann, 'see https://example.com/a?b=1. javascript:alert(1) and http://example.org\u202e/gpj.exe')
  const links = ann.locator('#messages .content a')
  await links.first().waitFor()
  t.strictSame(await Promise.all((await links.all()).map(async (link) => [await link.getAttribute('href'), await link.getAttribute('rel')])), [
    ['https://example.com/a?b=1', 'noopener noreferrer nofollow ugc'],
    ['http://example.org', 'noopener noreferrer nofollow ugc']
  ])
})

t.test('a room that a token does not allow is said to be closed; rooms are kept by the browser', async (t) => {
  const { http } = await startGateway(t, { AUTH_SECRET: SECRET })
  const token = await tokenOf('ann', { rooms: { general: ['join', 'publish'] } })
  const ann = await open(t, `${http}/chat#token=${token}`)
  await isOnline(ann, /as ann via/)
  await ann.fill('#join-room', 'secret')
  await ann.press('#join-room', 'Enter')
  await ann.locator('[role=alert]', { hasText: 'You cannot be in this room' }).waitFor()
  await ann.fill('#join-room', 'no room')
  await ann.press('#join-room', 'Enter')
  await ann.locator('#join-wrong', { hasText: "no room's name" }).waitFor()
  await ann.reload()
  t.strictSame(await ann.locator('#rooms .room-name').allTextContents(), ['general', 'secret'])
  await ann.getByLabel('Leave secret').click()
  t.strictSame(await ann.locator('#rooms .room-name').allTextContents(), ['general'])
  t.strictSame(await texts(ann), [])
})

t.test('an address that names no room is no harm', async (t) => {
  const { http } = await startGateway(t)
  const ann = await open(t, `${http}/chat#100%`)
  await isOnline(ann, /^Online/)
  await ann.evaluate("location.hash = '%'")
  await ann.evaluate("location.hash = 'lobby'")
  await ann.locator('#room', { hasText: 'lobby' }).waitFor()
})

t.test('what came after a gap counts as unread', async (t) => {
  const { port, ws } = await startGateway(t, { LOG_ENTRIES: '10', RATE_PUBLISHES: '0' })
  const proxy = await TcpProxy.start(t, port)
  const ann = await open(t, `http://127.0.0.1:${proxy.port}/chat#one`)
  await goBy(ann, 'ann')
  const bot = await connect(t, `${ws}?user=bot&join=one`)
  await bot.next('joined')
  await bot.ask({ type: 'message', room: 'one', content: 'before' })
  await shows(ann, 'bot', 'before')
  await ann.fill('#join-room', 'two')
  await ann.press('#join-room', 'Enter')
  await ann.locator('#room', { hasText: 'two' }).waitFor()
  await say(ann, 'it is joined')
  await shows(ann, 'ann', 'it is joined')

  proxy.targetPort = await freePort()
  proxy.cut()
  await ann.locator('#status:not([data-state="online"])').waitFor()
  for (let n = 0; n < 30; n++) await bot.ask({ type: 'message', room: 'one', content: n })
  proxy.targetPort = port
  await ann.locator('#rooms .unread', { hasText: /^10 unread$/ }).waitFor()
  await ann.locator('#rooms .open', { hasText: 'one' }).click()
  await ann.locator('.gap-line', { hasText: '20 messages are missing here' }).waitFor()
})

t.test('an announcement that is written is no message to the room, and ends one', async (t) => {
  const { http } = await startGateway(t)
  const [ann, bob] = [await open(t, `${http}/chat`), await open(t, `${http}/chat`)]
  await goBy(ann, 'ann')
  await goBy(bob, 'bob')
  await ann.locator('#text').pressSequentially('at')
  await bob.locator('#typing', { hasText: 'ann is writing' }).waitFor()
  await ann.click('#announce')
  await ann.locator('#text').pressSequentially(' noon')
  await ann.press('#text', 'Enter')
  await bob.locator('.announcement', { hasText: 'at noon' }).waitFor()
  t.equal(await bob.locator('#typing[data-on="true"]').count(), 0)
})
