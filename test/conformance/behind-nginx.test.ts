import t, { type Test } from 'tap'
import { Nginx } from '../../cluster/nginx.ts'
import { freePort } from '../../cluster/ports.ts'
import { GATEWAY_MAX_FRAGMENTS, probe } from '../../conformance/probe.ts'
import { echoServer } from '../../conformance/targets.ts'
import { conforms } from '../helpers/conformance.ts'
import { startEchoServer } from '../helpers/echo-server.ts'
import { startGateway } from '../helpers/gateway.ts'

const MAX_MESSAGE_BYTES = 65_536

/** @returns where nginx, with this repository's nginx.conf, passes everything on to a port */
async function front (t: Test, port: number): Promise<string> {
  const nginx = await Nginx.start([`127.0.0.1:${port}`], { port: await freePort() })
  t.teardown(() => nginx.stop())
  return `ws://127.0.0.1:${nginx.port}`
}

t.test('behind nginx an echo server with the gateway\'s options keeps the WebSocket protocol', async (t) => {
  const site = await front(t, await startEchoServer(t, { maxPayload: MAX_MESSAGE_BYTES }))
  await conforms(t, echoServer({ url: new URL(site), headers: {} }, {
    maxMessageBytes: MAX_MESSAGE_BYTES, maxFragments: GATEWAY_MAX_FRAGMENTS
  }))
})

t.test('behind nginx a gateway keeps it, and answers as its own protocol says', async (t) => {
  const { port } = await startGateway(t)
  const site = await front(t, port)
  await conforms(t, await probe({ url: new URL(`${site}/ws`), headers: {} }, false))
})
