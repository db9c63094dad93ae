import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import t from 'tap'
import { connect, refused } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'

const LISTED = { ALLOWED_ORIGINS: 'https://good.com, http://localhost:3000, http://good.com:8081' }

const ALLOWED = [
  'https://good.com', 'HTTPS://GOOD.com', 'https://good.com:443', 'HTTPS://GOOD.com:443', 'http://localhost:3000',
  'http://good.com:8081'
]
const EVIL = [
  'https://evil.com', 'https://good.com.evil', 'https://evilgood.com', 'https://www.good.com', 'https://good.com.',
  'http://good.com', 'https://good.com:444', 'https://good.com:80', 'http://localhost', 'http://localhost:3001',
  'https://good.com@evil.com', 'https://evil.com/https://good.com', 'https://evil.com?https://good.com', 'wss://good.com',
  'https://good.com https://evil.com', 'https://good.com, https://evil.com', 'good.com', 'null', 'NULL', 'file://',
  'chrome-extension://good.com', '*'
]

interface Answer { readonly status: number, readonly headers: IncomingHttpHeaders }

async function send (url: string, method: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const [response] = await once(request(url, { method, headers }).end(), 'response') as [IncomingMessage]
  response.resume()
  return { status: response.statusCode!, headers: response.headers }
}

/** What a browser asks before it sends anything that a form could not. */
async function preflight (url: string, origin: string, method: string): Promise<Answer> {
  return await send(url, 'OPTIONS', {
    origin,
    'access-control-request-method': method,
    'access-control-request-headers': 'authorization,content-type,idempotency-key'
  })
}

t.test('a page of another origin is refused before the upgrade; a listed one, our own, and none are let in', async (t) => {
  const { ws, port } = await startGateway(t, LISTED)
  for (const origin of EVIL) {
    const { status, body } = await refused(ws, { headers: { origin } })
    t.equal(status, 403, origin)
    t.match(body, { code: 403, reason: 'forbidden', message: /^origin: / })
  }
  for (const origin of [...ALLOWED, `http://127.0.0.1:${port}`]) {
    t.match((await connect(t, ws, { headers: { origin } })).welcome, { type: 'welcome' }, origin)
  }
  await connect(t, ws)
})

t.test('the pages of a listed origin may read and move the car; those of another may not', async (t) => {
  const { http, port } = await startGateway(t, LISTED)
  for (const origin of [...ALLOWED, `http://127.0.0.1:${port}`]) {
    const read = await send(`${http}/position`, 'GET', { origin })
    t.equal(read.headers['access-control-allow-origin'], origin)
    t.match(read.headers['vary'], /Origin/i)
    const asked = await preflight(`${http}/position`, origin, 'POST')
    t.equal(asked.status, 204)
    t.equal(asked.headers['access-control-allow-origin'], origin)
    t.match(asked.headers['access-control-allow-headers'], /authorization.*content-type.*idempotency-key/)
    t.match(asked.headers['access-control-allow-methods'], /POST.*DELETE/)
    t.match(asked.headers['vary'], /Origin/i)
    t.equal(asked.headers['access-control-allow-credentials'], undefined)
  }
  for (const origin of EVIL) {
    for (const { headers } of [
      await send(`${http}/position`, 'GET', { origin }),
      await send(`${http}/position`, 'POST', { origin }),
      await send(`${http}/nowhere`, 'GET', { origin }),
      await preflight(`${http}/position`, origin, 'POST'),
      await preflight(`${http}/users/ann/connections`, origin, 'DELETE')
    ]) {
      t.equal(headers['access-control-allow-origin'], undefined, origin)
      t.equal(headers['access-control-allow-headers'], undefined, origin)
      t.equal(headers['access-control-allow-methods'], undefined, origin)
    }
  }
  t.equal((await send(`${http}/position`, 'GET', {})).headers['access-control-allow-origin'], undefined)
})

t.test('a star lets every origin in, and null only where it is named', async (t) => {
  const all = await startGateway(t, { ALLOWED_ORIGINS: '*' })
  const origin = 'https://evil.com'
  await connect(t, all.ws, { origin })
  t.equal((await send(`${all.http}/position`, 'GET', { origin })).headers['access-control-allow-origin'], origin)
  t.equal((await refused(all.ws, { origin: 'null' })).status, 403)
  const files = await startGateway(t, { ALLOWED_ORIGINS: 'null' })
  await connect(t, files.ws, { origin: 'null' })
  t.equal((await refused(files.ws, { origin: 'https://evil.com' })).status, 403)
})

t.test('the origin is what the client asked for, whatever the host of the connection', async (t) => {
  const { ws } = await startGateway(t)
  await connect(t, ws, { headers: { host: 'chat.example:443', origin: 'https://CHAT.example' } })
  await connect(t, ws, { headers: { host: 'chat.example', origin: 'http://chat.example:80' } })
  for (const origin of ['https://chat.example.', 'https://chat.example:8443', 'https://chat.example.evil', 'https://example']) {
    t.equal((await refused(ws, { headers: { host: 'chat.example', origin } })).status, 403, origin)
  }
})
