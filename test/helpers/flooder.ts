import { request } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'

/**
 * A process of its own that floods, so that the loop of a test which measures others is not the one that is late:
 * `node flooder.js JSON`. It says what came of it as JSON, one line, and holds what it has got until it is ended.
 */
export interface Flood {
  /** `connect`: upgrades, one after the other on each of `lanes`. `publish`: messages as fast as asked. */
  readonly kind: 'connect' | 'publish'
  readonly url: string
  readonly localAddress: string
  readonly headers?: Record<string, string>
  /** How many upgrades, or messages. */
  readonly count: number
  readonly lanes?: number
  readonly perSecond?: number
}

/** How often each outcome was seen: a status, a close code, a type of frame. */
export type Outcomes = Record<string, number>

const outcomes: Outcomes = {}
const held: Socket[] = []

function count (outcome: string | number): void {
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
}

async function connectMany ({ url, localAddress, headers = {}, count: total, lanes = 50 }: Flood): Promise<void> {
  let left = total
  const lane = async (): Promise<void> => {
    while (left-- > 0) count(await connectOnce(url, localAddress, headers))
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

async function connectOnce (
  url: string, localAddress: string, headers: Record<string, string>
): Promise<string | number> {
  return await new Promise((resolve) => {
    const upgrade = request(url.replace('ws', 'http'), {
      localAddress,
      agent: false,
      headers: {
        ...headers,
        connection: 'upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ=='
      }
    })
    upgrade.on('upgrade', (response, socket) => {
      socket.on('error', () => {})
      held.push(socket)
      resolve(response.statusCode!)
    })
    upgrade.on('response', (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode!))
    })
    upgrade.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    upgrade.end()
  })
}

/** Connects anew whenever it is closed. */
async function publishMany ({ url, localAddress, count: total, perSecond = 2_000 }: Flood): Promise<void> {
  let sent = 0
  while (sent < total) {
    const socket = new WebSocket(url, { localAddress })
    socket.on('message', (data: Buffer) => count((JSON.parse(String(data)) as { type: string }).type))
    socket.on('error', () => {})
    let timer: NodeJS.Timeout | undefined
    socket.on('open', () => {
      timer = setInterval(() => {
        for (let n = 0; n < perSecond / 100 && sent < total; n++) {
          socket.send(JSON.stringify({ type: 'message', room: 'yard', content: 'x'.repeat(100), id: ++sent }))
        }
        if (sent >= total) socket.close()
      }, 10)
    })
    await new Promise<void>((resolve) => {
      socket.on('close', (code) => {
        count(code)
        resolve()
      })
    })
    clearInterval(timer)
  }
}

const flood = JSON.parse(process.argv[2] ?? '{}') as Flood
const startMs = performance.now()
await (flood.kind === 'connect' ? connectMany(flood) : publishMany(flood))
process.stdout.write(`${JSON.stringify({ outcomes, tookMs: Math.round(performance.now() - startMs) })}\n`)
// Until it is ended, what it holds is held.
setInterval(() => {}, 1_000)
