import { readFileSync } from 'node:fs'
import t from 'tap'
import { eventually } from '../../cluster/until.ts'
import { open } from '../helpers/browser.ts'
import { connect } from '../helpers/client.ts'
import { follow, listen, type Told } from '../helpers/event-source.ts'
import { startGateway } from '../helpers/gateway.ts'
import { bearer, SECRET, tokenOf } from '../helpers/tokens.ts'

t.test('a browser stops where a user was disconnected, and where a token has ended; it does not go round', async (t) => {
  const { http } = await startGateway(t, { AUTH_SECRET: SECRET, RATE_HTTP: '0' })
  const told: Told[] = []
  const page = await listen(t, http, (each) => { told.push(each) })
  const asked: string[] = []
  page.on('response', (response) => { asked.push(`${response.status()}`) })
  const of = (source: string): Told[] => told.filter((each) => each.source === source)
  const isGivenUp = (source: string): boolean => of(source).some(({ state }) => state === 2)

  await follow(page, 'removed', `room=a&token=${await tokenOf('ann')}`)
  await eventually('it has joined', async () => of('removed').some(({ data }) => data?.includes('"joined"') === true))
  const admin = await tokenOf('root', { can: ['admin'] })
  await fetch(`${http}/users/ann/connections`, { method: 'DELETE', ...bearer(admin) })
  await eventually('it is given up', async () => isGivenUp('removed'))
  t.match(JSON.parse(of('removed').findLast(({ data }) => data !== undefined)!.data!), { type: 'error', code: 403 })
  t.strictSame(asked, ['200', '204'])

  asked.length = 0
  await follow(page, 'ended', `room=a&token=${await tokenOf('ann', {}, -1)}`)
  await eventually('it is given up', async () => isGivenUp('ended'))
  t.match(JSON.parse(of('ended').findLast(({ data }) => data !== undefined)!.data!), { type: 'error', code: 401 })
  t.strictSame(asked, ['200', '401'])
})

t.test('a browser comes back by itself with the id of the last event, and the page is told what it missed', async (t) => {
  const { http, ws } = await startGateway(t, { MAX_CONNECTION_AGE_MS: '500' })
  const told: Told[] = []
  const page = await listen(t, http, (each) => { told.push(each) })
  const ids: Array<string | undefined> = []
  page.on('request', (request) => {
    void request.allHeaders().then((headers) => ids.push(headers['last-event-id']))
  })
  await follow(page, 'a', 'room=a')
  await eventually('it has joined', async () => told.some(({ data }) => data?.includes('"joined"') === true))
  const ann = await connect(t, `${ws}?join=a`)
  await ann.ask({ type: 'message', room: 'a', content: '{\n"ä": "\u2028"}' })
  const isMessage = ({ data }: Told): boolean => data?.startsWith('{"type":"message"') === true
  await eventually('it came', async () => told.some(isMessage))
  await eventually('it came back', async () => told.filter(({ data }) => data?.startsWith('{"type":"welcome"')).length > 1)
  await eventually('its id is known', async () => ids.length > 1)
  t.match(ids[1], /(^|,)a\/[\w-]+\.1\.[\w-]+(,|$)/)
  await eventually('it has joined again', async () => told.some(({ data }) => data?.includes('"recovered":true') === true))
  t.equal(told.filter(isMessage).length, 1, 'nothing twice')
})

t.test('the page of docs/events.md follows, also after an answer that is an error', async (t) => {
  const [, code] = /```js\n([^]*?)```/.exec(readFileSync(new URL('../../../docs/events.md', import.meta.url), 'utf8'))!
  t.equal(code!.trimEnd().split('\n').length, 10)
  const { http, ws } = await startGateway(t, { MAX_CONNECTIONS: '2' })
  const ann = await connect(t, `${ws}?join=general`)
  const page = await open(t, `${http}/healthz`)
  const other = await connect(t, ws)
  const isRefused = page.waitForResponse((response) => response.status() === 503)
  await page.evaluate(code!)
  // Two are connected: it is refused, which an EventSource does not get over by itself.
  await isRefused
  other.socket.terminate()
  await page.locator('body', { hasText: '"position":0' }).waitFor()
  await ann.ask({ type: 'message', room: 'general', content: 'hello' })
  await page.locator('body', { hasText: '"content":"hello"' }).waitFor()
  const text = (await page.textContent('body'))!
  t.equal(text.match(/"content":"hello"/g)!.length, 1)
})
