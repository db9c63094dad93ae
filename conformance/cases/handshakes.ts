import { type Case, closes, pongs, refuses, type Section, takes } from '../case.ts'
import { ping, text } from '../client-frames.ts'
import type { Address, UpgradeChange } from '../upgrade.ts'

const ASKED = '{"type":"ping","id":"early"}'
const KEY = Buffer.from('sixteen bytes ..').toString('base64')

/** The opening handshake (RFC 6455 section 4.2.1, RFC 9112), of which Autobahn has nothing. */
export function handshakes (address: Address, isCompressing: boolean): Section[] {
  const lettingIn = [...letIn(address), ...(isCompressing ? [] : uncompressed), ...withFrames]
  return [
    { id: 'H', title: 'handshakes that let in (ours)', cases: lettingIn },
    { id: 'R', title: 'handshakes that are refused (ours)', cases: [...ofWebSocket, ...ofHttp(address), ...ofBytes] }
  ]
}

function letIn ({ url }: Address): Case[] {
  const { host, pathname, search } = url
  const site = `${url.protocol === 'wss:' ? 'https' : 'http'}://${host}`
  const lets = (id: string, what: string, upgrade: UpgradeChange): Case =>
    ({ id, what, sends: [], outcomes: [], upgrade })
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`x-header-${n}`, 'of no meaning']))
  return [
    lets('H.1.1', 'as a browser sends it', {}),
    lets('H.1.2', 'names and values in any case', { headers: { upgrade: 'WebSocket', connection: 'uPGRADE' } }),
    lets('H.1.3', 'Connection with more in it', { headers: { connection: 'keep-alive, Upgrade' } }),
    lets('H.1.4', 'fifty more headers', { headers: many }),
    lets('H.1.5', 'a cookie of 4,000 bytes', { headers: { cookie: `a=${'x'.repeat(3_998)}` } }),
    lets('H.1.6', 'the origin of the same host', { headers: { origin: site } }),
    lets('H.1.7', 'the address in its whole form', { path: `${site}${pathname}${search}` }),
    lets('H.1.8', 'an empty line before it', { before: '\r\n' }),
    { ...lets('H.1.9', 'a byte at a time', {}), chopBytes: 1 },
    lets('H.2.2', 'nor is an extension that nobody knows', { headers: { 'sec-websocket-extensions': 'x-new; a=1' } }),
    lets('H.2.3', 'no protocol but of those offered', { headers: { 'sec-websocket-protocol': 'chat, superchat' } })
  ]
}

/** Where it is off. */
const uncompressed: Case[] = [
  {
    id: 'H.2.1',
    what: 'compression is not agreed on',
    upgrade: { headers: { 'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits' } },
    sends: [],
    outcomes: []
  },
  {
    id: 'H.2.4',
    what: 'a frame as if compression had been agreed on',
    upgrade: { headers: { 'sec-websocket-extensions': 'permessage-deflate' } },
    sends: [text(Buffer.of(0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00), { rsv: 4 })],
    outcomes: [closes(1002)]
  }
]

/** Frames that come with the upgrade are read, once and in order. */
const withFrames: Case[] = [
  {
    id: 'H.3.1',
    what: 'a first frame with the upgrade',
    isPipelined: true,
    sends: [text(ASKED)],
    outcomes: [takes(ASKED)]
  },
  {
    id: 'H.3.2',
    what: 'half of a first frame with the upgrade',
    isPipelined: true,
    sends: [text(ASKED).subarray(0, 9), text(ASKED).subarray(9)],
    outcomes: [takes(ASKED)]
  },
  {
    id: 'H.3.3',
    what: 'twenty pings with the upgrade',
    isPipelined: true,
    sends: [Buffer.concat(Array.from({ length: 20 }, (_, n) => ping(`${n}`)))],
    outcomes: Array.from({ length: 20 }, (_, n) => pongs(`${n}`))
  },
  {
    id: 'H.3.4',
    what: 'a first frame without a mask, with the upgrade',
    isPipelined: true,
    sends: [text(ASKED, { mask: undefined })],
    outcomes: [closes(1002)]
  },
  {
    id: 'H.3.5',
    what: 'upgrade and frame, a byte at a time',
    isPipelined: true,
    chopBytes: 1,
    sends: [text(ASKED)],
    outcomes: [takes(ASKED)]
  }
]

const NOT_AN_UPGRADE = [400, 404, 405, 426]

function refused (id: string, what: string, upgrade: UpgradeChange, statuses: readonly number[] = [400, 426]): Case {
  return { id, what, upgrade, sends: [], outcomes: [refuses(statuses)] }
}

const BAD_KEYS: Readonly<Record<string, string | readonly string[] | null>> = {
  'no key': null,
  'an empty key': '',
  'a key of 15 bytes': Buffer.alloc(15, 1).toString('base64'),
  'a key of 17 bytes': Buffer.alloc(17, 1).toString('base64'),
  'a key that is no base64': '!'.repeat(22) + '==',
  'a key without its end': KEY.slice(0, -2),
  'two keys': [KEY, KEY]
}

const ofWebSocket: Case[] = [
  ...[null, '12', '14', '8', '0', '-13', '13.0', '0xd', 'thirteen', ''].map((version, index): Case => ({
    id: `R.1.${index + 1}`,
    what: version === null ? 'no version' : `the version ${JSON.stringify(version)}`,
    upgrade: { headers: { 'sec-websocket-version': version } },
    sends: [],
    // RFC 6455 section 4.4: it says which it knows.
    outcomes: [refuses([400, 426], { 'sec-websocket-version': /\b13\b/ })]
  })),
  ...Object.entries(BAD_KEYS).map(([what, key], index) =>
    refused(`R.2.${index + 1}`, what, { headers: { 'sec-websocket-key': key } })),
  refused('R.3.1', 'no Upgrade', { headers: { upgrade: null } }),
  refused('R.3.2', 'an Upgrade to something else', { headers: { upgrade: 'h2c' } }),
  refused('R.3.3', 'an Upgrade to what begins alike', { headers: { upgrade: 'websocket2' } }),
  refused('R.3.4', 'no Connection', { headers: { connection: null } }),
  refused('R.3.5', 'a Connection that is to be closed', { headers: { connection: 'close' } })
]

function ofHttp ({ url }: Address): Case[] {
  return [
    ...['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'].map((method, index) =>
      refused(`R.4.${index + 1}`, `${method} instead of GET`, { method }, NOT_AN_UPGRADE)),
    refused('R.4.6', 'a method that nobody knows', { method: 'BREW' }, [...NOT_AN_UPGRADE, 501]),
    refused('R.4.7', 'POST with a body', { method: 'POST', headers: { 'content-length': '5' } }, NOT_AN_UPGRADE),
    refused('R.5.1', 'HTTP/1.0', { version: 'HTTP/1.0' }, [400, 426, 505]),
    refused('R.5.2', 'HTTP/0.9', { version: 'HTTP/0.9' }, [400, 505]),
    refused('R.5.3', 'HTTP/3.0', { version: 'HTTP/3.0' }, [400, 505]),
    refused('R.5.4', 'the beginning of HTTP/2', { method: 'PRI', path: '*', version: 'HTTP/2.0' }, [400, 405, 505]),
    refused('R.6.1', 'no Host', { headers: { host: null } }, [400]),
    refused('R.6.2', 'two Hosts', { headers: { host: [url.host, 'other.example'] } }, [400]),
    refused('R.6.3', 'a header of 64 KiB', { headers: { 'x-large': 'x'.repeat(65_536) } }, [400, 431]),
    refused('R.6.4', 'two thousand headers of 50 bytes', {
      headers: Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`x-${n}`, 'x'.repeat(42)]))
    }, [400, 431]),
    refused('R.6.5', 'an address of 64 KiB', { path: `${url.pathname}?x=${'x'.repeat(65_536)}` }, [400, 414, 431]),
    ...['/nowhere', `${url.pathname}/`, `${url.pathname}x`, '/position', '/healthz', '*'].map((path, index) =>
      refused(`R.7.${index + 1}`, `an upgrade of ${path}`, { path }, [400, 404, 405]))
  ]
}

/** Bytes that are no HTTP: whoever lets them pass can be made to see another request than a proxy before it. */
const ofBytes: Case[] = [
  refused('R.8.1', 'a header without a colon', { lastLine: 'no colon here\r\n' }, [400]),
  refused('R.8.2', 'a space before the colon', { lastLine: 'x-space : a\r\n' }, [400]),
  refused('R.8.3', 'NUL in a header', { lastLine: 'x-nul: a\0b\r\n' }, [400]),
  refused('R.8.4', 'a line end of its own kind in a header', { lastLine: 'x-cr: a\rb\r\n' }, [400]),
  refused('R.8.5', 'a name with a space in it', { lastLine: 'x y: a\r\n' }, [400]),
  refused('R.8.6', 'a body of two lengths', { lastLine: 'Content-Length: 5\r\nContent-Length: 6\r\n' }, [400]),
  refused('R.8.7', 'a body that is chunked and has a length', {
    method: 'POST', lastLine: 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'
  }, [400]),
  refused('R.8.8', 'a length that is no number', { lastLine: 'Content-Length: five\r\n' }, [400]),
  refused('R.8.9', 'bytes of TLS', { before: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n' }, [400]),
  refused('R.8.10', 'a space in the address', { path: '/w s' }, [400])
]
