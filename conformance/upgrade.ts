import { createHash, randomBytes } from 'node:crypto'

/** Where a server is, and what every request to it has to say. */
export interface Address {
  readonly url: URL
  /** In each request besides, such as Authorization. */
  readonly headers: Readonly<Record<string, string>>
}

export interface UpgradeChange {
  readonly method?: string
  /** Instead of the address's path and query. */
  readonly path?: string
  readonly version?: string
  /** Instead of the usual ones, by their names in lower case; null leaves one out, a list sends it more than once. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | null>>
  /** Before the request, and as a last line of its head. */
  readonly before?: string
  readonly lastLine?: string
}

export interface Upgrade { readonly head: Buffer, readonly key: string }

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** The opening handshake's request (RFC 6455 section 4.1), with what a case changes in it. */
export function upgradeRequest ({ url, headers }: Address, change: UpgradeChange = {}): Upgrade {
  const key = randomBytes(16).toString('base64')
  const all: NonNullable<UpgradeChange['headers']> = {
    host: url.host,
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-version': '13',
    'sec-websocket-key': key,
    ...headers,
    ...change.headers
  }
  const lines = Object.entries(all).flatMap(([name, value]) =>
    (value === null ? [] : [value].flat()).map((each) => `${name}: ${each}\r\n`))
  const { method = 'GET', path = url.pathname + url.search, version = 'HTTP/1.1', before = '', lastLine = '' } = change
  // Latin-1, so that a case can have any byte in it.
  const head = `${before}${method} ${path} ${version}\r\n${lines.join('')}${lastLine}\r\n`
  return { key, head: Buffer.from(head, 'latin1') }
}

export interface HttpAnswer {
  readonly status: number
  /** By their names in lower case; of several with one name the last. */
  readonly headers: Readonly<Record<string, string>>
}

/** The head of an answer, as far as its empty line; undefined where that has not come yet. */
export function parseHead (bytes: Buffer): { readonly answer: HttpAnswer, readonly length: number } | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1] ?? NaN)
  const headers = Object.fromEntries(lines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  }))
  return { answer: { status, headers }, length: end + 4 }
}

/** What is wrong with the answer that lets one in (RFC 6455 section 4.2.2); undefined for nothing. */
export function faultOf ({ headers }: HttpAnswer, key: string, change: UpgradeChange = {}): string | undefined {
  const accept = createHash('sha1').update(key + GUID).digest('base64')
  if (headers['sec-websocket-accept'] !== accept) return 'Sec-WebSocket-Accept does not fit the key'
  if (!/^websocket$/i.test(headers['upgrade'] ?? '')) return 'Upgrade does not say websocket'
  if (!/\bupgrade\b/i.test(headers['connection'] ?? '')) return 'Connection does not say Upgrade'
  const extensions = headers['sec-websocket-extensions']
  // None that is offered in any case here is worth having.
  if (extensions !== undefined) return `an extension: ${extensions}`
  const protocol = headers['sec-websocket-protocol']
  const offered = [change.headers?.['sec-websocket-protocol'] ?? []].flat().join().split(/[ ,]+/)
  if (protocol !== undefined && !offered.includes(protocol)) return `a protocol that was not offered: ${protocol}`
  return undefined
}
