// A client by Node's own WebSocket, told over stdin what to do: a JSON object a line. What comes is told over stdout in
// the same way. test/helpers/strangers.ts has the words.
import { createInterface } from 'node:readline'

const { WebSocket } = globalThis
const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`)

const socket = new WebSocket(process.argv[2])
socket.onopen = () => tell({ open: true })
socket.onmessage = ({ data }) => tell({ frame: data })
socket.onclose = ({ code, reason }) => {
  tell({ closed: code, reason })
  orders.close()
}

const orders = createInterface({ input: process.stdin })
orders.on('line', (line) => {
  const order = JSON.parse(line)
  if ('text' in order) socket.send(order.text)
  else if ('bytes' in order) socket.send(Buffer.from(order.bytes, 'base64'))
  else if ('close' in order) socket.close(order.close, order.reason)
})
