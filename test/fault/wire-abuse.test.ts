import { once } from 'node:events'
import t, { type Test } from 'tap'
import {
  BINARY, CLOSE, PING, rawFrame, RawSocket, type Said, TEXT, UPGRADE_HEADERS, upgradeHead
} from '../../bench/floods/raw-socket.ts'
import { eventually } from '../../cluster/until.ts'
import { startEchoServer } from '../helpers/echo-server.ts'
import { startGateway } from '../helpers/gateway.ts'
import { figuresOf } from '../helpers/metrics.ts'

t.setTimeout(60_000)
// Those that wait for deadlines wait together.
t.jobs = 2

const gateway = await startGateway(t, { MAX_CONNECTIONS_PER_ADDRESS: '0', RATE_CONNECTIONS: '0' })
const { port, http } = gateway
const ping = rawFrame('{"type":"ping"}')

function open (test: Test, head = upgradeHead()): RawSocket {
  const raw = new RawSocket(port)
  test.teardown(() => raw.socket.destroy())
  raw.socket.write(head)
  return raw
}

/** What comes of these bytes behind an upgrade: its end, where it has one. */
async function sent (test: Test, ...frames: Buffer[]): Promise<Said> {
  const raw = open(test)
  raw.socket.write(Buffer.concat(frames))
  return await raw.until(({ code }) => code !== undefined)
}

/** How long it takes the gateway to end this, in seconds. */
async function secondsToEnd (raw: RawSocket): Promise<number> {
  const beganMs = performance.now()
  await raw.ended
  return (performance.now() - beganMs) / 1_000
}

const text = (said: Said): string[] =>
  said.frames.filter(({ opcode }) => opcode === TEXT).map(({ payload }) => String(payload))

t.test('D1 D2 D3 D4 D5 frames that break RFC 6455 end with 1002', async (t) => {
  const cases: Record<string, Buffer[]> = {
    'D1 unmasked': [rawFrame('{}', { isMasked: false })],
    'D2 RSV1': [rawFrame('{}', { reserved: 4 })],
    'D2 RSV2': [rawFrame('{}', { reserved: 2 })],
    'D2 RSV3': [rawFrame('{}', { reserved: 1 })],
    'D4 a ping of 126 bytes': [rawFrame('x'.repeat(126), { opcode: PING })],
    'D4 half a ping': [rawFrame('x', { opcode: PING, isLast: false })],
    'D5 a continuation of nothing': [rawFrame('x', { opcode: 0 })],
    'D5 a text within a text': [rawFrame('{', { isLast: false }), rawFrame('}')]
  }
  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) cases[`D3 opcode ${opcode}`] = [rawFrame('', { opcode })]
  for (const [name, frames] of Object.entries(cases)) t.equal((await sent(t, ...frames)).code, 1002, name)
})

t.test('D6 text that is not UTF-8 ends with 1007; a character split over two fragments is one', async (t) => {
  for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]) {
    t.equal((await sent(t, rawFrame(Buffer.from(bytes)))).code, 1007, Buffer.from(bytes).toString('hex'))
  }
  const whole = Buffer.from('{"type":"ping","id":"€"}')
  const raw = open(t)
  const at = whole.indexOf(0x82)
  raw.socket.write(rawFrame(whole.subarray(0, at), { isLast: false }))
  raw.socket.write(rawFrame(whole.subarray(at), { opcode: 0 }))
  t.match(text(await raw.until((said) => text(said).length > 1))[1], /"id":"€"/)
})

t.test('D7 a close frame that is wrong is answered with what is wrong, one that is right with itself', async (t) => {
  const close = (code: number, reason: string | Buffer = ''): Buffer =>
    rawFrame(Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason as string)]), { opcode: CLOSE })
  t.equal((await sent(t, rawFrame('x', { opcode: CLOSE }))).code, 1002)
  for (const code of [999, 1004, 1005, 1006, 2999, 5000]) t.equal((await sent(t, close(code))).code, 1002, String(code))
  t.equal((await sent(t, close(1000, Buffer.from([0xff])))).code, 1007)
  for (const code of [1000, 3000, 4999]) t.equal((await sent(t, close(code))).code, code)
})

t.test('D8 D9 a message that is too long by its header, or of too many fragments, is refused before it is there', async (t) => {
  for (const claimed of [65_537, 2 ** 30, 2n ** 40n]) t.equal((await sent(t, rawFrame('', { claimed }))).code, 1009, String(claimed))
  const empty = rawFrame('', { opcode: 0, isLast: false })
  const beganMs = performance.now()
  t.equal((await sent(t, rawFrame('', { isLast: false }), ...Array.from({ length: 70 }, () => empty))).code, 1008)
  t.ok(performance.now() - beganMs < 5_000, 'and not because it does not come to its end')
})

t.test('a message whose bytes come one by one is refused before each of them is kept as a piece of its own', async (t) => {
  const raw = open(t)
  await raw.until(({ status }) => status === 101)
  const message = rawFrame('x'.repeat(60_000))
  const beganMs = performance.now()
  for (let at = 0; at < 30_000 && raw.said.code === undefined; at++) {
    raw.socket.write(message.subarray(at, at + 1))
    await new Promise((resolve) => { setImmediate(resolve) })
  }
  t.equal((await raw.until(({ code }) => code !== undefined)).code, 1008)
  t.ok(performance.now() - beganMs < 9_000, 'and not because it drips')
})

t.test('of who pours on after the close frame hardly anything is read, whatever it was closed for', async (t) => {
  const chunk = Buffer.concat(Array.from({ length: 64 }, () => rawFrame('x'.repeat(1_024), { opcode: 3 })))
  const raw = open(t)
  // It pours on though the other side has ended.
  raw.socket.removeAllListeners('end')
  await raw.until(({ status }) => status === 101)
  let poured = 0
  while (!raw.socket.destroyed) {
    poured += chunk.length
    if (!raw.socket.write(chunk)) await Promise.race([raw.ended, once(raw.socket, 'drain').catch(() => {})])
  }
  t.equal(raw.said.code, 1002)
  // What the kernel takes for it, on both sides, is some 10 MB.
  t.ok(poured < 40_000_000, `${poured} bytes`)
})

t.test('who does not answer the close frame is waited for 2 s, and its socket is gone', { buffered: true }, async (t) => {
  const raw = open(t)
  raw.socket.write(rawFrame('{}', { opcode: BINARY }))
  t.equal((await raw.until(({ code }) => code !== undefined)).code, 1003)
  const seconds = await secondsToEnd(raw)
  t.ok(seconds > 1.5 && seconds < 4, `after ${seconds.toFixed(1)} s`)
})

t.test('of what comes at once one message is taken in a turn of the event loop, so that others have theirs', async (t) => {
  let turns = 0
  let isOver = false
  const count = (): void => {
    turns++
    if (!isOver) setImmediate(count)
  }
  const taken: number[] = []
  const port = await startEchoServer(t, {}, (ws, data) => {
    taken.push(turns)
    ws.send(data, { binary: false })
  })
  const raw = new RawSocket(port)
  t.teardown(() => raw.socket.destroy())
  raw.socket.write(upgradeHead())
  await raw.until(({ status }) => status === 101)
  count()
  raw.socket.write(Buffer.concat(Array.from({ length: 20 }, () => ping)))
  await raw.until((said) => text(said).length === 20)
  isOver = true
  t.equal(new Set(taken).size, 20)
})

t.test('D10 compression is not agreed to, whatever is offered, and what is compressed all the same is refused', async (t) => {
  const raw = open(t, upgradeHead('/ws', { ...UPGRADE_HEADERS, 'sec-websocket-extensions': 'permessage-deflate' }))
  const [head] = await once(raw.socket, 'data') as [Buffer]
  t.notMatch(String(head), /extensions/i)
  raw.socket.write(rawFrame(Buffer.alloc(100), { reserved: 4 }))
  t.equal((await raw.until(({ code }) => code !== undefined)).code, 1002)
})

t.test('D11 pings, and pongs that nobody asked for, count as requests: who goes on is closed with 4429', async (t) => {
  for (const opcode of [PING, 10]) {
    const frames = Array.from({ length: 320 }, () => rawFrame('', { opcode }))
    t.equal((await sent(t, ...frames)).code, 4429)
    t.equal((await sent(t, ...frames.slice(0, 90), rawFrame('', { opcode: CLOSE }))).code, 1005, 'so many are nothing')
  }
})

t.test('D13 a message that comes a byte at a time ends with 1008, though pongs come between', { buffered: true }, async (t) => {
  const [dripping, begun] = [open(t), open(t)]
  await Promise.all([dripping, begun].map((raw) => raw.until(({ status }) => status === 101)))
  begun.socket.write(rawFrame('{"type":', { isLast: false }))
  const message = rawFrame(`{"type":"ping","x":"${'x'.repeat(500)}"}`)
  const beganMs = performance.now()
  let at = 0
  const drip = setInterval(() => {
    dripping.socket.write(message.subarray(at, ++at))
    if (at % 10 === 0) begun.socket.write(rawFrame('', { opcode: 10 }))
  }, 100)
  t.teardown(() => clearInterval(drip))
  const ends = await Promise.all([dripping, begun].map((raw) => raw.until(({ code }) => code !== undefined)))
  t.strictSame(ends.map(({ code }) => code), [1008, 1008])
  const tookMs = performance.now() - beganMs
  t.ok(tookMs > 9_000 && tookMs < 13_000, `after ${Math.round(tookMs)} ms`)
})

t.test('D14 D15 E12 heads that drip, sockets that say nothing and bodies that never end are let go', { buffered: true }, async (t) => {
  const silent = new RawSocket(port)
  const dripping = new RawSocket(port)
  const body = open(t, 'POST /position HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n')
  const head = upgradeHead('/ws', { x: 'y'.repeat(500) })
  let at = 0
  const drip = setInterval(() => {
    dripping.socket.write(head[at++]!)
    body.socket.write(' ')
  }, 700)
  t.teardown(() => clearInterval(drip))
  const [first, second, third] = await Promise.all([silent, dripping, body].map(secondsToEnd))
  t.ok(first! < 11 && second! < 11 && third! < 14, JSON.stringify([first, second, third]))
  // A body is the handler's to wait for, which has 5 s.
  t.strictSame([dripping.said.status, body.said.status], [408, 503])
})

t.test('D16 what is no upgrade is told so, and its socket ends', async (t) => {
  const { 'sec-websocket-key': _, ...keyless } = UPGRADE_HEADERS
  const heads: Record<string, string> = {
    'version 12': upgradeHead('/ws', { ...UPGRADE_HEADERS, 'sec-websocket-version': '12' }),
    'no key': upgradeHead('/ws', keyless),
    POST: upgradeHead('/ws', UPGRADE_HEADERS, 'POST /ws HTTP/1.1')
  }
  for (const [name, head] of Object.entries(heads)) {
    const raw = open(t, head)
    t.match((await raw.ended).status, /^4(00|05|26)$/, name)
  }
  await eventually('nothing is left of them', async () => (await figuresOf(http)).get('connections') === 0)
})

t.test('D17 an upgrade of any other address is no WebSocket', async (t) => {
  for (const [path, status] of [['/position', 400], ['/healthz', 400], ['/nowhere', 404]] as const) {
    t.equal((await open(t, upgradeHead(path)).ended).status, status, path)
  }
})

t.test('D18 what comes with the head of the upgrade is taken once, and in order', async (t) => {
  const requests = [1, 2, 3].map((id) => rawFrame(`{"type":"ping","id":${id}}`))
  const raw = open(t, Buffer.concat([Buffer.from(upgradeHead()), ...requests]) as unknown as string)
  const said = await raw.until((so) => text(so).length >= 4)
  t.strictSame(text(said).slice(1).map((frame) => (JSON.parse(frame) as { id: number }).id), [1, 2, 3])
})

t.test('D19 a head with a thousand protocols, or of 20 KB, is refused at once', async (t) => {
  const protocols = Array.from({ length: 1_000 }, (_, n) => `p${n}`).join(', ')
  const beganMs = performance.now()
  t.equal((await open(t, upgradeHead('/ws', { ...UPGRADE_HEADERS, x: 'y'.repeat(20_000) })).ended).status, 431)
  const many = open(t, upgradeHead('/ws', { ...UPGRADE_HEADERS, 'sec-websocket-protocol': protocols }))
  t.match((await many.until(({ status }) => status !== undefined)).status, /^(101|400)$/)
  t.ok(performance.now() - beganMs < 1_000)
})

t.test('D20 who says that it has no more to say is closed within 2 s, and its socket is gone', async (t) => {
  const raw = open(t)
  await raw.until(({ status }) => status === 101)
  raw.socket.end(ping)
  t.ok(await secondsToEnd(raw) < 2)
  await eventually('it is forgotten', async () => (await figuresOf(http)).get('connections') === 0)
})
