import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { ServerOptions } from 'ws'
import { pick, sectionsFor } from '../../conformance/cases/all.ts'
import { takes } from '../../conformance/case.ts'
import { text } from '../../conformance/client-frames.ts'
import { runCase, runCases } from '../../conformance/run.ts'
import { ServerFrames } from '../../conformance/server-frames.ts'
import { echoServer, type Target } from '../../conformance/targets.ts'
import { faultOf, upgradeRequest } from '../../conformance/upgrade.ts'
import { startEchoServer } from '../helpers/echo-server.ts'

const LIMITS = { maxMessageBytes: 65_536, maxFragments: 64 }
const HELLO = { id: '1', what: 'a text', sends: [text('Hello')], outcomes: [takes('Hello')] }

function at (port: number): Target {
  return echoServer({ url: new URL(`ws://127.0.0.1:${port}/`), headers: {} }, LIMITS)
}

/** The ids of the cases that a server fails, of these sections. */
async function failedBy (target: Target, ...ids: string[]): Promise<string[]> {
  const cases = pick(sectionsFor(target), ids).flatMap((section) => section.cases)
  const verdicts = await runCases(cases, target, { timeoutMs: 500 })
  return verdicts.filter(({ fault }) => fault !== undefined).map(({ case: { id } }) => id)
}

t.test('ids are unique, and each names its section', async (t) => {
  const sections = sectionsFor({ ...at(1), isGateway: true })
  const ids = sections.flatMap(({ cases }) => cases.map(({ id }) => id))
  t.equal(new Set(ids).size, ids.length)
  for (const { id, cases } of sections) t.ok(cases.length > 0 && cases.every((each) => each.id.startsWith(`${id}.`)), id)
})

t.test('cases are picked by whole parts of their ids', async (t) => {
  const picked = (...ids: string[]): string[] =>
    pick(sectionsFor(at(1)), ids).flatMap(({ cases }) => cases.map(({ id }) => id))
  t.strictSame(picked('5.1'), ['5.1'])
  t.strictSame(picked('1.1.8', '7.13'), ['1.1.8', '7.13.1', '7.13.2'])
  t.strictSame(picked('5.99'), [])
})

interface Broken {
  readonly options: ServerOptions & { autoPong?: boolean }
  /** The sections that are run, and the cases of them that must fail. */
  readonly of: string[]
  readonly fails: string[]
}

const BROKEN: Readonly<Record<string, Broken>> = {
  'takes any bytes for text': {
    options: { skipUTF8Validation: true },
    of: ['6.1', '6.3', '6.20', '7.5'],
    fails: ['6.3.1', '6.3.2', ...seven('6.20'), '7.5.1']
  },
  'answers no ping': {
    options: { autoPong: false }, of: ['2'], fails: ['2.1', '2.2', '2.3', '2.4', '2.6', '2.9', '2.10', '2.11']
  },
  'takes messages of any size': {
    options: { maxPayload: 0 }, of: ['L.1'], fails: ['L.1.2', 'L.1.3', 'L.1.5', 'L.1.6', 'L.1.7']
  },
  'takes less than it says': {
    options: { maxPayload: 65_535 }, of: ['L.1', '1.1'], fails: ['1.1.7', '1.1.8', 'L.1.1', 'L.1.4']
  }
}

function seven (id: string): string[] {
  return Array.from({ length: 7 }, (_, n) => `${id}.${n + 1}`)
}

for (const [what, { options, fails, of }] of Object.entries(BROKEN)) {
  t.test(`a server that ${what} is found`, async (t) => {
    const port = await startEchoServer(t, { maxPayload: LIMITS.maxMessageBytes, ...options })
    t.strictSame(await failedBy(at(port), ...of), fails)
  })
}

t.test('a server that says too much, too little or something else is found', async (t) => {
  const twice = await startEchoServer(t, {}, (ws, data) => {
    ws.send(data, { binary: false })
    ws.send(data, { binary: false })
  })
  t.match(await runCase(HELLO, at(twice)), /^expected text "Hello", close 1000; came (text "Hello", ){2}close 1000/)
  const never = await startEchoServer(t, {}, () => {})
  t.equal(await runCase(HELLO, at(never), { timeoutMs: 100 }), 'expected text "Hello", close 1000; came close 1000, end')
  const binary = await startEchoServer(t, {}, (ws, data) => ws.send(data, { binary: true }))
  t.match(await runCase(HELLO, at(binary)), /came binary "Hello", close 1000/)
  const shuts = await startEchoServer(t, {}, (ws) => ws.terminate())
  t.equal(await runCase(HELLO, at(shuts)), 'expected text "Hello", close 1000; came end')
})

t.test('a case whose connection was reset is tried again, three times and no more', async (t) => {
  let connections = 0
  const resetting = async (times: number): Promise<Target> => at(await startEchoServer(t, {}, (ws, data) => {
    if (connections++ < times) (ws as unknown as { _socket: Socket })._socket.resetAndDestroy()
    else ws.send(data, { binary: false })
  }))
  let resets = 0
  const onReset = (): void => { resets++ }
  t.equal(await runCase(HELLO, await resetting(2), { onReset }), undefined)
  t.equal(resets, 2, 'and that is told')
  connections = 0
  t.match(await runCase(HELLO, await resetting(Infinity)), /came end$/)
  t.equal(connections, 4)
})

/** A server that lets everybody in, writes these bytes, and keeps the connection. */
async function startMute (t: Test, acceptOf: (key: string) => string, ...bytes: number[]): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.on('upgrade', (request, socket) => {
    t.teardown(() => socket.destroy())
    const accept = acceptOf(request.headers['sec-websocket-key']!)
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`)
    socket.write(Buffer.from(bytes))
  })
  t.teardown(() => { server.close() })
  return (server.address() as { port: number }).port
}

t.test('a server that closes and does not end the connection, or lets in with a wrong word, is found', async (t) => {
  const right = (key: string): string =>
    createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  const goodbye = await startMute(t, right, 0x81, 5, ...Buffer.from('Hello'), 0x88, 2, 0x03, 0xe8)
  t.match(await runCase(HELLO, at(goodbye), { timeoutMs: 50 }), /came text "Hello", close 1000, no end$/)
  const wrong = await startMute(t, () => 'wrong')
  t.match(await runCase(HELLO, at(wrong), { timeoutMs: 50 }),
    /came a fault: the answer to the upgrade: Sec-WebSocket-Accept /)
})

t.test('what no server may send is a fault', async (t) => {
  const faults: Readonly<Record<string, [number[], RegExp]>> = {
    'a mask': [[0x81, 0x81, 1, 2, 3, 4, 5], /masks nothing/],
    'a reserved bit': [[0xc1, 0], /reserved bits/],
    'a reserved opcode': [[0x83, 0], /opcode 3/],
    'a ping in fragments': [[0x09, 0], /control frame/],
    'a ping of 126 bytes': [[0x89, 126, 0, 126], /control frame/],
    'a length in two bytes that fits in one': [[0x81, 126, 0, 5], /more bytes than it takes/],
    'a length in eight bytes that fits in two': [[0x81, 127, 0, 0, 0, 0, 0, 0, 1, 0], /more bytes than it takes/],
    'a continuation of nothing': [[0x80, 0], /continuation/],
    'a text within a text': [[0x01, 0, 0x81, 0], /within a fragmented one/],
    'bytes that are no UTF-8': [[0x81, 1, 0xff], /not UTF-8/],
    'half a code': [[0x88, 1, 3], /half a code/],
    'the code 1005': [[0x88, 2, 0x03, 0xed], /1005/],
    'a reason that is not UTF-8': [[0x88, 3, 0x03, 0xe8, 0xff], /reason/],
    'a frame after the close frame': [[0x88, 0, 0x89, 0], /after the close/]
  }
  for (const [what, [bytes, fault]] of Object.entries(faults)) {
    t.match(new ServerFrames().push(Buffer.from(bytes)).at(-1), { kind: 'fault', fault }, what)
  }
  const frames = new ServerFrames()
  t.strictSame(frames.push(Buffer.of(0x81, 2, 0x61)), [])
  t.match(frames.end(), /within a frame/)
  t.match(frames.push(Buffer.of(0x62)), [{ kind: 'text', payload: Buffer.from('ab') }])
})

t.test('an upgrade that is answered wrongly is a fault', async (t) => {
  const key = 'dGhlIHNhbXBsZSBub25jZQ=='
  const good = { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' }
  const fault = (headers: Record<string, string>, offered = 'chat, other'): string | undefined =>
    faultOf({ status: 101, headers: { ...good, ...headers } }, key, { headers: { 'sec-websocket-protocol': offered } })
  t.equal(fault({}), undefined, 'the example of RFC 6455')
  t.equal(fault({ 'sec-websocket-protocol': 'other' }), undefined)
  t.match(fault({ 'sec-websocket-protocol': 'third' }), /third/)
  t.match(fault({ 'sec-websocket-extensions': 'permessage-deflate' }), /extension/)
  t.match(fault({ 'sec-websocket-accept': 'x' }), /Accept/)
  t.match(fault({ connection: 'close' }), /Connection/)
  t.match(fault({ upgrade: 'h2c' }), /Upgrade/)
})

t.test('an upgrade asks as RFC 6455 says, but for what a case changes', async (t) => {
  const address = { url: new URL('ws://h:1/ws?user=ann'), headers: { authorization: 'Bearer x' } }
  const plain = String(upgradeRequest(address).head)
  t.match(plain, /^GET \/ws\?user=ann HTTP\/1\.1\r\nhost: h:1\r\n[^]*authorization: Bearer x\r\n\r\n$/)
  const changed = upgradeRequest(address, {
    method: 'POST', version: 'HTTP/1.0', headers: { host: ['a', 'b'], upgrade: null }, lastLine: 'x\r\n'
  })
  t.match(String(changed.head), /^POST \S+ HTTP\/1\.0\r\nhost: a\r\nhost: b\r\nconnection:[^]*\r\nx\r\n\r\n$/)
})
