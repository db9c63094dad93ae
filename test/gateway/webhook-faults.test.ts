import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { eventually } from '../../cluster/until.ts'
import { startGateway } from '../helpers/gateway.ts'
import { QUICK, enter, figure, linesAbout } from '../helpers/webhook-room.ts'
import { type Answer, take, WebhookTarget } from '../helpers/webhook-target.ts'

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
