import { createElement, StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import t from 'tap'
import { WebSocket } from 'ws'
import { connect } from '../../src/client/index.ts'
import { useMembers, usePosition, useRoom } from '../../src/react/index.ts'

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
