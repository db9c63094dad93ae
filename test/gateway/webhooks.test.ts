import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { eventually } from '../../cluster/until.ts'
import { connect } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { figuresOf } from '../helpers/metrics.ts'
import { SECRET, bearer, tokenOf } from '../helpers/tokens.ts'
import { QUICK, enter, figure, linesAbout } from '../helpers/webhook-room.ts'
import { take, WebhookTarget, WEBHOOK_SECRET } from '../helpers/webhook-target.ts'

t.test('a target is told of rooms and members, in order, each once, over one connection at a time', async (t) => {
  const target = await WebhookTarget.start(t)
  const { ws } = await startGateway(t, { ...QUICK, ...target.settings })
  const ann = await connect(t, `${ws}?user=ann&join=general&join=live:cursors`)
  await ann.ask({ type: 'members', room: 'general' })
  const bob = await connect(t, `${ws}?user=bob&join=general`)
  // Who comes and goes within a moment is not told of at all.
  await bob.ask({ type: 'members', room: 'general' })
  await bob.ask({ type: 'leave', room: 'general' })
  await bob.ask({ type: 'members', room: 'general' })
  for (const room of ['general', 'live:cursors']) await ann.ask({ type: 'leave', room })
  await target.hears('room.vacated general', 'room.vacated live:cursors')
  t.strictSame(target.told.filter((text) => text.includes('general')), [
    'room.occupied general', 'member.joined general ann', 'member.joined general bob', 'member.left general bob',
    'member.left general ann', 'room.vacated general'
  ])
  t.strictSame(target.told.filter((text) => text.includes('live')), ['room.occupied live:cursors', 'room.vacated live:cursors'])
  t.strictSame(target.taken.filter(({ user }) => user).map(({ count }) => count), [1, 2, 1, 0])
  t.strictSame(target.bad, [])
  t.equal(target.mostOpen, 1)
})

t.test('what a token says of a user is told as it was said', async (t) => {
  const target = await WebhookTarget.start(t)
  const { ws } = await startGateway(t, { ...QUICK, ...target.settings, AUTH_SECRET: SECRET, WEBHOOK_EVENTS: 'member.joined' })
  const ann = await connect(t, `${ws}?join=general`, bearer(await tokenOf('ann', { info: { name: 'Ann "x" é' } })))
  await ann.next('joined')
  await target.hears('member.joined general ann')
  t.match(target.taken, [{ type: 'member.joined', room: 'general', user: 'ann', info: { name: 'Ann "x" é' }, count: 1 }])
})

t.test('whoever holds another secret, or changes a byte, is found out; each of two secrets signs', async (t) => {
  const other = `whsec_${Buffer.alloc(32, 'o').toString('base64')}`
  const target = await WebhookTarget.start(t)
  const gateway = await startGateway(t, { ...QUICK, ...target.settings, WEBHOOK_SECRET: `${other},${WEBHOOK_SECRET}` })
  await enter(t, gateway, 'ann')
  await target.hears('member.joined general ann')
  const { headers, body } = target.deliveries[0]!
  const verify = (secret: string, text: string, changed: object = {}): unknown =>
    new Webhook(secret).verify(text, { ...headers as Record<string, string>, ...changed })
  t.ok(verify(other, body))
  t.ok(verify(WEBHOOK_SECRET, body))
  t.throws(() => verify(`whsec_${Buffer.alloc(32, 'p').toString('base64')}`, body))
  t.throws(() => verify(other, body.replace('ann', 'bob')))
  t.throws(() => verify(other, body, { 'webhook-id': 'msg_other' }))
  t.throws(() => verify(other, body, { 'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1) }))
  t.match(headers, { 'content-type': 'application/json', 'webhook-id': /^msg_[\w-]{24}$/, connection: 'close' })
})

t.test('where too many wait the oldest are dropped and counted, and every other one is told of', async (t) => {
  const target = await WebhookTarget.start(t)
  target.answer = (response) => response.writeHead(503).end()
  const gateway = await startGateway(t, { ...QUICK, ...target.settings, WEBHOOK_QUEUE: '10' })
  const ann = await enter(t, gateway, 'ann')
  for (let n = 0; n < 20; n++) {
    await ann.ask({ type: 'join', room: `r${n}` })
    await ann.ask({ type: 'members', room: `r${n}` })
  }
  await eventually('it is known', async () => await figure(gateway, 'events_dropped_total') === 32)
  t.equal(await figure(gateway, 'events_waiting'), 10)
  target.answer = take
  await target.hears('member.joined r19 ann')
  t.strictSame(target.told.toSorted(), [15, 16, 17, 18, 19].flatMap((n) => [`room.occupied r${n}`, `member.joined r${n} ann`]).toSorted())
  await eventually('all is accounted for', async () => await figure(gateway, 'events_sent_total') === 10)
  t.equal(await figure(gateway, 'events_dropped_total'), 32)
  t.equal(linesAbout(gateway).filter((line) => line.includes('dropped')).length, 1)
})

t.test('what nobody took for too long is dropped', async (t) => {
  const target = await WebhookTarget.start(t)
  target.answer = (response) => response.writeHead(503).end()
  const gateway = await startGateway(t, { ...QUICK, ...target.settings, WEBHOOK_MAX_AGE_MS: '1000' })
  const ann = await enter(t, gateway, 'ann')
  await eventually('it is', async () => await figure(gateway, 'events_dropped_total') === 2)
  t.equal(await figure(gateway, 'events_waiting'), 0)
  target.answer = take
  await ann.ask({ type: 'leave', room: 'general' })
  await target.hears('room.vacated general')
  t.strictSame(target.told, ['member.left general ann', 'room.vacated general'])
})

t.test('neither the secret nor the address of the target is found in a log, whatever goes wrong', async (t) => {
  const target = await WebhookTarget.start(t)
  target.answer = (response) => response.writeHead(500).end()
  const url = target.url.replace('http://', 'http://user:sesame@')
  const gateway = await startGateway(t, { ...QUICK, ...target.settings, WEBHOOK_URL: url, LOG_LEVEL: 'trace' })
  await enter(t, gateway, 'ann')
  await target.until.true('two tries', () => target.deliveries.length >= 2)
  target.answer = (response) => response.socket!.destroy()
  await target.until.true('more tries', () => target.deliveries.length >= 4)
  target.answer = take
  await target.hears('member.joined general ann')
  await gateway.gateway.stop(0)
  const log = gateway.logged.join('\n')
  t.match(log, `"host":"127.0.0.1:${target.port}"`)
  for (const secret of ['sesame', WEBHOOK_SECRET, WEBHOOK_SECRET.slice(6, 20), 'a secret of']) t.notMatch(log, secret)
  const metrics = await figuresOf((await startGateway(t, { ...QUICK, ...target.settings })).http)
  t.notMatch([...metrics.keys()].join(), /sesame|127/)
})

t.test('what ends with the gateway is told of; and a target that hangs does not hold it up', async (t) => {
  const target = await WebhookTarget.start(t)
  const first = await startGateway(t, { ...QUICK, ...target.settings })
  await enter(t, first, 'ann')
  await target.hears('member.joined general ann')
  await first.gateway.stop(0)
  t.strictSame(target.told.slice(2), ['member.left general ann', 'room.vacated general'])

  target.answer = () => {}
  const second = await startGateway(t, { ...QUICK, ...target.settings, WEBHOOK_TIMEOUT_MS: '60000' })
  const bob = await enter(t, second, 'bob', 'other')
  await target.until.true('it is asked', () => target.deliveries.some(({ events }) => events[0]!.room === 'other'))
  bob.socket.close()
  await bob.closed
  const beganMs = performance.now()
  await second.gateway.stop(0)
  const tookMs = performance.now() - beganMs
  t.ok(tookMs < 2_000, `${Math.round(tookMs)} ms`)
  await target.until.true('nothing is left open', () => target.open === 0)
  t.match(linesAbout(second).at(-1), /^ended while events for the webhook wait/)
})

t.test('without an address nothing is kept, counted or said', async (t) => {
  const gateway = await startGateway(t)
  await enter(t, gateway, 'ann')
  t.strictSame([...(await figuresOf(gateway.http)).keys()].filter((name) => name.startsWith('webhook')), [])
  t.strictSame(linesAbout(gateway), [])
})
