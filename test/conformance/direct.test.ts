import t from 'tap'
import { GATEWAY_MAX_FRAGMENTS, probe } from '../../conformance/probe.ts'
import { echoServer } from '../../conformance/targets.ts'
import { conforms } from '../helpers/conformance.ts'
import { startEchoServer } from '../helpers/echo-server.ts'
import { startGateway } from '../helpers/gateway.ts'

const MAX_MESSAGE_BYTES = 65_536

t.test('an echo server with the gateway\'s options keeps the WebSocket protocol', async (t) => {
  const port = await startEchoServer(t, { maxPayload: MAX_MESSAGE_BYTES })
  await conforms(t, echoServer({ url: new URL(`ws://127.0.0.1:${port}/`), headers: {} }, {
    maxMessageBytes: MAX_MESSAGE_BYTES, maxFragments: GATEWAY_MAX_FRAGMENTS
  }))
})

t.test('a gateway keeps it, and answers as its own protocol says', async (t) => {
  const { ws } = await startGateway(t)
  const target = await probe({ url: new URL(ws), headers: {} }, false)
  t.strictSame(target.limits, {
    maxMessageBytes: MAX_MESSAGE_BYTES, maxFragments: GATEWAY_MAX_FRAGMENTS, isCompressing: false
  })
  await conforms(t, target)
})

t.test('a gateway that compresses for those who ask for it keeps it for those who do not', async (t) => {
  const { ws } = await startGateway(t, { DEFLATE_BYTES: '1' })
  const target = await probe({ url: new URL(ws), headers: {} }, false)
  t.match(target.limits, { isCompressing: true })
  await conforms(t, target)
})
