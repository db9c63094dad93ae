import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { Webhook } from 'standardwebhooks'
import { eventually } from '../../cluster/until.ts'
import { type Client, connect } from '../helpers/client.ts'
import { type RunningGateway, startGateway } from '../helpers/gateway.ts'
import { figuresOf } from '../helpers/metrics.ts'
import { SECRET, bearer, tokenOf } from '../helpers/tokens.ts'
import { type Answer, take, WebhookTarget, WEBHOOK_SECRET } from '../helpers/webhook-target.ts'

// How often a replica that does not deliver comes to see whether it should.
const QUICK = { PRESENCE_LEASE_MS: '500' }

async function enter (test: Test, { ws }: RunningGateway, user: string, room = 'general'): Promise<Client> {
  const client = await connect(test, `${ws}?user=${user}&join=${room}`)
  await client.next('joined')
  return client
}

async function figure ({ http }: RunningGateway, name: string): Promise<number> {
  return (await figuresOf(http)).get(`webhook_${name}`)!
}

function linesAbout ({ logged }: RunningGateway): string[] {
  return logged.map((line) => JSON.parse(line) as { msg: string, problem?: string })
    .filter(({ msg }) => /webhook/.test(msg)).map(({ msg, problem }) => [msg, problem].filter(Boolean).join(': '))
}

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

// What a target does instead of taking what it is sent, and what that counts as.
const FAULTS: ReadonlyArray<{ readonly name: string, readonly outcome: string, readonly answer: Answer }> = [
  { name: 'answers 500', outcome: 'refused', answer: (response) => response.writeHead(500).end('no') },
  { name: 'answers 410', outcome: 'refused', answer: (response) => response.writeHead(410).end() },
  {
    name: 'sends elsewhere',
    outcome: 'refused',
    answer: (response, { headers: { host } }) => response.writeHead(307, { location: `http://${host}/elsewhere` }).end()
  },
  { name: 'hangs', outcome: 'timeout', answer: () => {} },
  { name: 'breaks off', outcome: 'unreachable', answer: (response) => response.socket!.destroy() },
  {
    name: 'breaks off within its head',
    outcome: 'unreachable',
    answer: (response) => response.socket!.end('HTTP/1.1 200 OK\r\ncontent-le')
  },
  { name: 'is no HTTP', outcome: 'unreachable', answer: (response) => response.socket!.end('220 smtp ready\r\n') },
  {
    name: 'says for ever that it goes on',
    outcome: 'timeout',
    answer: (response) => {
      const timer = setInterval(() => response.socket?.write('HTTP/1.1 102 Processing\r\n\r\n'), 5)
      response.socket!.on('close', () => clearInterval(timer))
    }
  },
  {
    name: 'switches protocols',
    outcome: 'unreachable',
    answer: (response) => response.socket!.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n')
  },
  {
    name: 'has a head without an end',
    outcome: 'unreachable',
    answer: (response) => {
      const { socket } = response
      socket!.write('HTTP/1.1 200 OK\r\n')
      const timer = setInterval(() => socket!.write(`x-more: ${'x'.repeat(4_000)}\r\n`), 1)
      socket!.on('close', () => clearInterval(timer))
    }
  }
]

for (const { name, outcome, answer } of FAULTS) {
  t.test(`a target that ${name} is told everything once it is well`, async (t) => {
    const target = await WebhookTarget.start(t)
    target.answer = answer
    const gateway = await startGateway(t, { ...QUICK, ...target.settings, RATE_PUBLISHES: '0' })
    const ann = await enter(t, gateway, 'ann')
    await target.until.true('it is asked', () => target.deliveries.length > 0)
    t.match(await ann.ask({ type: 'message', room: 'general', content: 'hello' }), { seq: 1 })
    t.equal((await fetch(`${gateway.http}/readyz`)).status, 200)
    const bob = await enter(t, gateway, 'bob')
    await bob.ask({ type: 'leave', room: 'general' })
    await eventually('it has failed', async () => await figure(gateway, `attempts_total{outcome="${outcome}"}`) >= 2)
    t.equal(await figure(gateway, 'events_sent_total'), 0)
    t.ok(await figure(gateway, 'events_waiting') >= 2)
    t.ok(await figure(gateway, 'oldest_age_seconds') > 0)
    target.answer = take
    await target.hears('member.left general bob')
    t.strictSame(target.told, ['room.occupied general', 'member.joined general ann', 'member.joined general bob', 'member.left general bob'])
    t.equal(new Set(target.deliveries.slice(0, 2).map(({ id }) => id)).size, 1, 'the same batch has the same id')
    await eventually('that is known', async () => await figure(gateway, 'events_waiting') === 0)
    t.equal(await figure(gateway, 'events_dropped_total'), 0)
    t.equal(target.mostOpen, 1)
    const [first, ...more] = linesAbout(gateway).filter((line) => !line.startsWith('webhooks are on'))
    t.match(first, /^the webhook target does not take events; trying again: /)
    t.match(more.at(-1), /takes events again/)
    t.ok(more.length <= 2, 'one line for each change, not for each try')
    t.strictSame(target.bad, [])
  })
}

t.test('while a target hangs nobody waits: not who publishes, joins, asks or leaves', async (t) => {
  const target = await WebhookTarget.start(t)
  target.answer = () => {}
  const gateway = await startGateway(t, { ...QUICK, ...target.settings, WEBHOOK_TIMEOUT_MS: '60000', RATE_PUBLISHES: '0', RATE_REQUESTS: '0' })
  const ann = await enter(t, gateway, 'ann')
  await target.until.true('it is asked', () => target.deliveries.length === 1)
  for (let n = 1; n <= 200; n++) t.match(await ann.ask({ type: 'message', room: 'general', content: n }), { seq: n })
  for (let n = 0; n < 20; n++) {
    const user = await enter(t, gateway, `user-${n}`)
    t.match(await user.ask({ type: 'members', room: 'general' }), { count: 2 })
    t.match(await user.ask({ type: 'leave', room: 'general' }), { type: 'left' })
    t.match(await ann.ask({ type: 'members', room: 'general' }), { count: 1 })
  }
  t.equal((await fetch(`${gateway.http}/readyz`)).status, 200)
  // All of that came while the first POST was under way.
  t.strictSame([target.deliveries.length, target.open, target.mostOpen], [1, 1, 1])
  t.equal(await figure(gateway, 'attempts_total{outcome="timeout"}'), 0)
})

const BIG = Buffer.alloc(65_536, 'x')

// These have taken what they were sent: they said so.
const ODD: ReadonlyArray<{ readonly name: string, readonly answer: Answer }> = [
  {
    name: 'streams for ever',
    answer: (response) => {
      response.writeHead(200)
      const timer = setInterval(() => response.write(BIG), 1)
      response.on('close', () => clearInterval(timer))
    }
  },
  { name: 'never ends its answer', answer: (response) => response.writeHead(200).write('{') },
  { name: 'promises more than it sends', answer: (response) => response.writeHead(200, { 'content-length': 9_999 }).write('{') },
  {
    name: 'breaks off within its answer',
    answer: (response) => response.writeHead(200, { 'content-length': 9_999 }).write('{', () => response.socket?.destroy())
  },
  {
    name: 'answers before it has read',
    answer: (response) => response.writeHead(202, { connection: 'keep-alive', 'keep-alive': 'timeout=600' }).end('ok')
  }
]

for (const { name, answer } of ODD) {
  t.test(`a target that takes a batch and ${name} is told no more of it, and holds nothing`, async (t) => {
    const target = await WebhookTarget.start(t)
    target.answer = answer
    const gateway = await startGateway(t, { ...QUICK, ...target.settings })
    await enter(t, gateway, 'ann')
    await target.hears('member.joined general ann')
    await enter(t, gateway, 'bob')
    await target.hears('member.joined general bob')
    await target.until.true('its connection is closed', () => target.open === 0)
    await eventually('all is sent', async () => await figure(gateway, 'events_sent_total') === 3)
    t.equal(target.mostOpen, 1)
    t.equal(new Set(target.deliveries.map(({ id }) => id)).size, target.deliveries.length, 'no batch came twice')
    t.equal(await figure(gateway, 'attempts_total{outcome="taken"}'), target.deliveries.length)
  })
}

t.test('a target that is not there, or takes a connection and reads nothing, is told everything once it is', async (t) => {
  const deaf = createServer((socket) => { socket.on('error', () => {}).pause() })
  deaf.listen(0, '127.0.0.1')
  await once(deaf, 'listening')
  const target = await WebhookTarget.start(t)
  await target.stop()
  target.port = (deaf.address() as AddressInfo).port
  const gateway = await startGateway(t, { ...QUICK, ...target.settings, WEBHOOK_TIMEOUT_MS: '200' })
  await enter(t, gateway, 'ann')
  await eventually('it has tried', async () => await figure(gateway, 'attempts_total{outcome="timeout"}') > 0)
  deaf.close()
  await eventually('nobody is there', async () => await figure(gateway, 'attempts_total{outcome="unreachable"}') > 0)
  await target.listen()
  await target.hears('member.joined general ann')
  await eventually('that is said', async () => linesAbout(gateway).length === 4)
  const trouble = 'the webhook target does not take events; trying again'
  t.strictSame(linesAbout(gateway), [
    'webhooks are on', `${trouble}: no answer within 200 ms`, `${trouble}: ECONNREFUSED`, 'the webhook target takes events again'
  ])
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

t.test('Retry-After is honoured, but for no longer than WEBHOOK_RETRY_MS', async (t) => {
  const target = await WebhookTarget.start(t)
  target.answer = (response) => response.writeHead(503, { 'retry-after': target.deliveries.length === 1 ? '1' : '86400' }).end()
  const gateway = await startGateway(t, { ...QUICK, ...target.settings, WEBHOOK_RETRY_MS: '1500' })
  await enter(t, gateway, 'ann')
  await target.until.true('three tries', () => target.deliveries.length === 3)
  const [first, second, third] = target.deliveries.map(({ atMs }) => atMs)
  t.ok(second! - first! >= 990, `${second! - first!} ms`)
  t.ok(third! - second! >= 1_490 && third! - second! < 5_000, `${third! - second!} ms`)
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
