import { createElement, StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import t from 'tap'
import { WebSocket } from 'ws'
import { connect } from '../../src/client/index.ts'
import { useMembers, usePosition, useRoom } from '../../src/react/index.ts'
import { membersStore, roomStore } from '../../src/react/stores.ts'
import { startGateway } from '../helpers/gateway.ts'

t.test('on a server a page is rendered, and nothing is joined', async (t) => {
  const client = connect('ws://127.0.0.1:1/ws', { WebSocket })
  t.teardown(() => client.close())
  const Page = (): string => {
    const { messages, isJoined } = useRoom<string>(client, 'general')
    const { count } = useMembers(client, 'general')
    const [position] = usePosition(client)
    return `${messages.length} ${isJoined} ${count} ${String(position)}`
  }
  t.equal(renderToString(createElement(StrictMode, null, createElement(Page))), '0 false 0 undefined')
})

t.test('whoever shows the members first does not take the history from the messages', async (t) => {
  const { ws } = await startGateway(t)
  const [ann, client] = [connect(ws, { user: 'ann', WebSocket }), connect(ws, { user: 'bob', WebSocket })]
  t.teardown(() => { ann.close(); client.close() })
  for (const text of ['one', 'two']) await ann.room('general').publish(text)
  // As React does: all are rendered, and then the child's effect is the first.
  const messages = roomStore<string>(client, 'general', { history: 10 })
  const members = membersStore(client, 'general')
  const seen = new Promise<void>((resolve) => {
    messages.subscribe(() => { if (messages.get().messages.length === 2) resolve() })
  })
  const releases = [members.hold(), messages.hold()]
  await seen
  t.strictSame(messages.get().messages.map(({ content }) => content), ['one', 'two'])
  for (const release of releases) release()
})
