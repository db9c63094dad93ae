import t from 'tap'
import { WebSocket } from 'ws'
import { connect } from '../../src/client/index.ts'
import { startGateway } from '../helpers/gateway.ts'

t.test('two clients talk', async (t) => {
  const { ws } = await startGateway(t)
  const ann = connect(ws, { user: 'ann', WebSocket })
  const bob = connect(ws, { user: 'bob', WebSocket })
  t.teardown(() => { ann.close(); bob.close() })
  const room = bob.room<{ text: string }>('general', { history: 10 })
  // An iterator begins with its first next(): what came before it would not come again.
  const first = room[Symbol.asyncIterator]().next()
  const receipt = await ann.room<{ text: string }>('general').publish({ text: 'hello' })
  t.match(receipt, { seq: 1, duplicate: false, cursor: String })
  const { value } = await first
  t.match(value, { room: 'general', from: 'ann', content: { text: 'hello' }, seq: 1 })
  t.match(await room.members(), { count: 2 })
  t.match(await room.history(), { messages: [{ content: { text: 'hello' } }], more: false })
  const changed = new Promise((resolve) => bob.position.on('change', (position) => { if (position.position === 50) resolve(position) }))
  t.match(await ann.position.move(50), { position: 50, seq: 1 })
  t.match(await changed, { position: 50 })
  const heard = new Promise((resolve) => bob.on('broadcast', resolve))
  await ann.broadcast('noon')
  t.match(await heard, { content: 'noon', from: 'ann' })
  t.equal(ann.state, 'online')
  t.equal(ann.user, 'ann')
  room.leave()
})
