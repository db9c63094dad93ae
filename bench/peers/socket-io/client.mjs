// A client of Socket.IO in one room.
import { io } from 'socket.io-client'

/**
 * @param {string} url
 * @param {string} room
 * @param {(content: unknown) => void} onMessage
 */
export function connect (url, room, onMessage) {
  const socket = io(url, { transports: ['websocket'], forceNew: true, reconnection: false })
  socket.on('message', onMessage)
  return {
    /** Resolves when it is in the room; never where the connection is ended first. */
    joined: new Promise((resolve) => { socket.on('connect', () => socket.emit('join', room, resolve)) }),
    publish: (content) => new Promise((resolve) => { socket.emit('publish', room, content, resolve) }),
    /** Without a goodbye. */
    cut: () => {
      socket.off('message', onMessage)
      const { engine } = socket.io
      if (engine?.transport?.ws?.terminate === undefined) socket.disconnect()
      else engine.transport.ws.terminate()
    }
  }
}
