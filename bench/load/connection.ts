import { connect, type Socket } from 'node:net'
import { maskedFrame } from './masked-frame.ts'
import { JOINED, type Protocol } from './protocols.ts'
import { createPublication, type Publication } from './publication.ts'
import { type FrameStream, newStream, type Scan } from './scan.ts'

/** One member of one room. */
export interface Connection extends FrameStream {
  readonly socket: Socket
  readonly protocol: Protocol
  readonly room: string
  /** Whether the latency of what it hears counts. */
  isSampled: boolean
  isStalled: boolean
  /** What it publishes, for each length of content. */
  readonly publications: Map<number, Publication>
  /** Called once, when it is in the room, or with why it never will be. */
  settle: (error?: Error) => void
}

interface Address { readonly port: number, readonly protocol: Protocol, readonly room: string }

const PING = 9
const PONG = 10
const CLOSE = 8
const READ_BYTES = 65_536
const TEXT = 1
// All of a process share it: a read is used up before the next.
const shared = Buffer.allocUnsafeSlow(READ_BYTES)

/** Upgrades and joins. */
export async function openConnection (
  { port, protocol, room }: Address, isSampled: boolean, scan: Scan<Connection>,
  onLost: (connection: Connection) => void
): Promise<Connection> {
  return await new Promise((resolve, reject) => {
    let response = ''
    let isUpgraded = false
    const socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: shared,
        callback: (length) => {
          if (isUpgraded) scan(connection, shared, length)
          else upgrade(length)
          return true
        }
      }
    })
    const connection: Connection = {
      ...newStream(),
      socket,
      protocol,
      room,
      isSampled,
      isStalled: false,
      publications: new Map(),
      settle: (error) => {
        connection.settle = () => {}
        if (error === undefined) resolve(connection)
        else reject(error)
      }
    }
    socket.write(`GET ${protocol.path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
    socket.on('error', (error) => connection.settle(error))
    socket.on('close', () => {
      connection.settle(new Error('closed by the server'))
      onLost(connection)
    })

    function upgrade (length: number): void {
      response += shared.toString('latin1', 0, length)
      const end = response.indexOf('\r\n\r\n')
      if (end < 0) return
      if (!response.startsWith('HTTP/1.1 101')) {
        connection.settle(new Error(`not upgraded: ${response.slice(0, 200)}`))
        return
      }
      isUpgraded = true
      const hello = protocol.hello(room)
      if (hello === undefined) connection.settle()
      else if (hello !== '') sendText(connection, hello)
      const rest = Buffer.from(response.slice(end + 4), 'latin1')
      response = ''
      if (rest.length > 0) scan(connection, rest, rest.length)
    }
  })
}

/** What is said to a frame that is no message. */
export function answer (connection: Connection, opcode: number, payload: Buffer): void {
  const { protocol, room, socket } = connection
  if (opcode === PING) socket.write(maskedFrame(payload, PONG).frame)
  else if (opcode === CLOSE) socket.destroy()
  else if (opcode === TEXT) {
    const said = protocol.answer(payload.toString(), room)
    if (said === JOINED) connection.settle()
    else if (said !== undefined) sendText(connection, said)
  }
}

export function publish (connection: Connection, contentBytes: number, nowUs: number): void {
  const { publications, protocol, room, socket } = connection
  let publication = publications.get(contentBytes)
  if (publication === undefined) {
    publication = createPublication(protocol, room, contentBytes)
    publications.set(contentBytes, publication)
  }
  socket.write(publication.stamped(nowUs))
}

function sendText ({ socket }: Connection, text: string): void {
  socket.write(maskedFrame(text).frame)
}
