// The server of the tutorials: ws, and ioredis' pub/sub between servers. PORT, REDIS_URL; SCOPE keeps several apart.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Redis } from 'ioredis'
import { type WebSocket, WebSocketServer } from 'ws'

interface Message { readonly type: string, readonly room: string, readonly content?: unknown }

const { PORT, REDIS_URL, SCOPE = '' } = process.env
const publisher = new Redis(REDIS_URL!)
const subscriber = publisher.duplicate()
const rooms = new Map<string, Set<WebSocket>>()
const http = createServer()

new WebSocketServer({ server: http, perMessageDeflate: false }).on('connection', (socket) => {
  const joined = new Set<string>()
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as Message
    if (message.type === 'join') void join(message.room).then(() => socket.send(JSON.stringify({ type: 'joined', room: message.room })))
    else void publisher.publish(SCOPE + message.room, JSON.stringify(message))
  })
  socket.on('close', () => { for (const room of joined) leave(room) })
  socket.on('error', () => {})

  async function join (room: string): Promise<void> {
    joined.add(room)
    const members = rooms.get(room)
    if (members !== undefined) {
      members.add(socket)
      return
    }
    rooms.set(room, new Set([socket]))
    await subscriber.subscribe(SCOPE + room)
  }

  function leave (room: string): void {
    const members = rooms.get(room)
    members?.delete(socket)
    if (members?.size !== 0) return
    rooms.delete(room)
    void subscriber.unsubscribe(SCOPE + room)
  }
})

subscriber.on('message', (channel, text) => {
  const message = JSON.stringify(JSON.parse(text))
  for (const member of rooms.get(channel.slice(SCOPE.length)) ?? []) {
    if (member.readyState === member.OPEN) member.send(message)
  }
})

http.listen(Number(PORT), '127.0.0.1', () => {
  process.stdout.write(`listening on ${(http.address() as AddressInfo).port}\n`)
})
