import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Test } from 'tap'
import { type ClientOptions, WebSocket } from 'ws'
import { Client, type Frame } from '../../cluster/client.ts'

export { Client, type Closed, type Frame } from '../../cluster/client.ts'

/** Connects, takes the welcome, and closes with the test. */
export async function connect (test: Test, url: string, options?: ClientOptions): Promise<Client & { welcome: Frame }> {
  const client = new Client(url, options)
  test.teardown(() => client.socket.terminate())
  const welcome = await client.next('welcome')
  return Object.assign(client, { welcome })
}

/** A bot in the room `general`, which has said `message 1,` and so on, up to so many. */
export async function talker (test: Test, ws: string, count: number): Promise<Client> {
  const bot = await connect(test, `${ws}?user=bot&join=general`)
  await bot.next('joined')
  for (let n = 1; n <= count; n++) bot.send({ type: 'message', room: 'general', content: `message ${n},` })
  await bot.ask({ type: 'ping' })
  return bot
}

export interface Refused {
  readonly status: number
  readonly body: Frame
  readonly retryAfter: string | undefined
}

/** The answer to an upgrade that is refused. */
export async function refused (url: string, options?: ClientOptions): Promise<Refused> {
  const socket = new WebSocket(url, options)
  // 'unexpected-response' hands over the socket, and 'error' does not come.
  const [, response] = await once(socket, 'unexpected-response') as [unknown, IncomingMessage]
  let text = ''
  for await (const chunk of response) text += chunk
  return { status: response.statusCode!, body: JSON.parse(text) as Frame, retryAfter: response.headers['retry-after'] }
}

/** Whether a connection is taken now; it is ended at once. */
export async function isLetIn (url: string): Promise<boolean> {
  const socket = new WebSocket(url)
  return await new Promise((resolve) => {
    socket.on('open', () => {
      socket.terminate()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
