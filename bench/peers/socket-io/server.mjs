// One server of Socket.IO with its Redis adapter, as its documentation has it. PORT, REDIS_URL; SCOPE keeps several apart.
import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
import { Redis } from 'ioredis'
import { Server } from 'socket.io'

const publisher = new Redis(process.env.REDIS_URL)
const subscriber = publisher.duplicate()
const adapter = createAdapter(publisher, subscriber, { key: process.env.SCOPE ?? 'socket.io' })
const http = createServer()
const io = new Server(http, { adapter, transports: ['websocket'] })
io.on('connection', (socket) => {
  socket.on('join', async (room, done) => {
    await socket.join(room)
    done()
  })
  socket.on('publish', (room, content, done) => {
    io.to(room).emit('message', content)
    done?.()
  })
})
http.listen(Number(process.env.PORT), '127.0.0.1', () => process.stdout.write(`listening on ${http.address().port}\n`))
