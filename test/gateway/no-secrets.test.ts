import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect as connectTcp } from 'node:net'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { goodClaims } from '../helpers/attacks.ts'
import { Client, connect } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { Issuer } from '../helpers/issuer.ts'
import { bearer, forge, nowS, SECRET, tokenOf } from '../helpers/tokens.ts'

/** Everything that a server says to a request: its status, its headers and its body, as text. */
async function answerTo (
  url: string, method: string, headers: Readonly<Record<string, string>>, body?: string
): Promise<string> {
  const sent = request(url, { method, headers })
  sent.end(body)
  const [response] = await once(sent, 'response') as [IncomingMessage]
  let text = `${response.statusCode} ${response.statusMessage}\n${response.rawHeaders.join('\n')}\n`
  for await (const chunk of response) text += chunk
  return text
}

/** The same of an upgrade, with every frame and the close, where there was one. */
async function upgrade (url: string, token: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const client = new Client(url, { headers })
  const begun = Promise.race([once(client.socket, 'message'), client.closed])
  const refused = new Promise<string>((resolve) => {
    client.socket.on('unexpected-response', (_request, response: IncomingMessage) => {
      let text = response.rawHeaders.join('\n')
      response.on('data', (chunk) => { text += chunk })
      response.on('end', () => resolve(text))
    })
  })
  const talk = async (): Promise<string> => {
    client.send(JSON.stringify({ type: 'auth', token }).slice(0, -1))
    client.send({ type: 'auth', id: { token }, token })
    client.send({ type: 'auth', token: [token] })
    await client.ask({ type: 'auth', token })
    await client.settle()
    client.socket.close()
    const { code, reason } = await client.closed
    return [...client.texts, code, reason].join('\n')
  }
  const opened = once(client.socket, 'upgrade').then(async ([response]: IncomingMessage[]) => {
    const heads = response!.rawHeaders.join('\n')
    await begun
    if (client.socket.readyState === WebSocket.OPEN) return heads + await talk()
    const { code, reason } = await client.closed
    return [heads, ...client.texts, code, reason].join('\n')
  })
  return await Promise.race([refused, opened])
}

/** What is left of the connection when bytes were sent that are no request. */
async function garble (port: number, bytes: string): Promise<string> {
  const socket = connectTcp(port, '127.0.0.1')
  socket.write(bytes)
  let text = ''
  for await (const chunk of socket) text += chunk
  return text
}

interface Tried { readonly name: string, readonly token: string }

async function tokens (issuer: Issuer): Promise<Tried[]> {
  return [
    { name: 'good', token: await tokenOf('ann') },
    { name: 'of an issuer', token: await issuer.sign('ES256', goodClaims()) },
    { name: 'of another user', token: await tokenOf('bob') },
    { name: 'expired', token: await tokenOf('ann', {}, -60) },
    { name: 'of another secret', token: forge({ alg: 'HS256' }, goodClaims(), 'x'.repeat(48)) },
    { name: 'with a bad claim', token: forge({ alg: 'HS256' }, { ...goodClaims(), rooms: { 'sesame open': ['sesame'] } }) },
    { name: 'with a bad sub', token: forge({ alg: 'HS256' }, { sub: 'sesame\n', exp: nowS() + 60 }) },
    { name: 'with an odd header', token: forge({ alg: 'sesame', kid: 'sesame', crit: ['sesame'] }, goodClaims()) },
    { name: 'too long', token: forge({ alg: 'HS256' }, { ...goodClaims(), padding: 'x'.repeat(7_000) }) },
    { name: 'none at all', token: 'sesame-sesame-sesame' }
  ]
}

/** The parts of a token that nobody should find: all of it, and what makes it valid. */
function secretsOf ({ token }: Tried): string[] {
  return [token, encodeURIComponent(token), ...token.split('.').slice(1), 'sesame'].filter((text) => text !== '')
}

function holdsNone (t: Test, text: string, secrets: readonly string[], where: string): void {
  t.ok(text.length > 0, `${where}: something was said`)
  t.strictSame(secrets.filter((secret) => text.includes(secret)).map((secret) => secret.slice(0, 20)), [], where)
}

t.test('no token is found in a log, an answer, a frame, or the reason of a close', async (t) => {
  const issuer = await Issuer.start(t)
  const gateway = await startGateway(t, {
    LOG_LEVEL: 'trace', RATE_HTTP: '0', RATE_CONNECTIONS: '0', AUTH_SECRET: SECRET, AUTH_JWKS_URL: issuer.url
  })
  const { ws, http, port, logged } = gateway
  const inside = await connect(t, ws, bearer(await tokenOf('ann')))
  for (const tried of await tokens(issuer)) {
    const { name, token } = tried
    const secrets = secretsOf(tried)
    const { headers } = bearer(token)
    const query = `token=${encodeURIComponent(token)}`
    const json = { 'content-type': 'application/json' }
    const said: Readonly<Record<string, string>> = {
      'header of an upgrade': await upgrade(ws, token, headers),
      'address of an upgrade': await upgrade(`${ws}?${query}`, token),
      'both, of which one is bad': await upgrade(`${ws}?${query}`, token, bearer('bad').headers),
      'address, twice': await upgrade(`${ws}?${query}&${query}`, token),
      'upgrade of another path': await upgrade(`ws://127.0.0.1:${port}/position?${query}`, token, headers),
      'upgrade of no path': await upgrade(`ws://127.0.0.1:${port}/nowhere?${query}`, token, headers),
      'a plain request for /ws': await answerTo(`${http}/ws?${query}`, 'GET', headers),
      'GET /position': await answerTo(`${http}/position?${query}`, 'GET', headers),
      'POST /position': await answerTo(`${http}/position?${query}`, 'POST', { ...headers, ...json }, '{'),
      DELETE: await answerTo(`${http}/users/nobody/connections?${query}`, 'DELETE', headers),
      'a page': await answerTo(`${http}/?${query}`, 'GET', headers),
      'a file': await answerTo(`${http}/assets/?${query}`, 'GET', headers),
      'an unknown route': await answerTo(`${http}/nowhere?${query}`, 'GET', headers),
      'an unknown method': await answerTo(`${http}/position?${query}`, 'PUT', headers),
      'a path that is none': await answerTo(`${http}/%zz?${query}`, 'GET', headers),
      'a path that is too long': await answerTo(`${http}/users/${'x'.repeat(500)}/connections?${query}`, 'DELETE', headers),
      'another scheme': await answerTo(`${http}/position`, 'GET', { authorization: `Basic ${token}` }),
      'a preflight': await answerTo(`${http}/position?${query}`, 'OPTIONS', { ...headers, origin: 'https://evil.com' }),
      'an origin': await upgrade(`${ws}?${query}`, token, { ...headers, origin: 'https://evil.com' }),
      'no HTTP': await garble(port, `GET /ws?${query} HTTP/9.9\r\nauthorization: Bearer ${token}\r\n\r\n`),
      'a broken header': await garble(port, `GET /ws HTTP/1.1\r\nauthorization : Bearer ${token}\r\n\0\r\n`),
      'the auth frame': JSON.stringify(await inside.ask({ type: 'auth', token }))
    }
    if (name === 'good') t.match(said['header of an upgrade'], /"authenticated"/)
    for (const [where, text] of Object.entries(said)) holdsNone(t, text, secrets, `${name}: ${where}`)
    holdsNone(t, logged.join('\n'), secrets, `${name}: the log`)
  }
  t.notMatch(logged.join('\n'), new RegExp(SECRET))
  t.match(logged.join('\n'), /"path":"\/nowhere"/, 'requests were logged')
  t.match(logged.join('\n'), /"msg":"connected"/)
})

t.test('an open gateway, which knows no tokens, keeps them out of its log, too', async (t) => {
  const { ws, http, logged } = await startGateway(t, { LOG_LEVEL: 'trace' })
  await connect(t, `${ws}?token=sesame`, bearer('sesame'))
  const said = [
    await upgrade(`${ws}?user=&token=sesame`, 'sesame'),
    await answerTo(`${http}/nowhere?token=sesame`, 'GET', {}),
    await answerTo(`${http}/%zz?token=sesame`, 'GET', {}),
    await answerTo(`${http}/position?token=sesame`, 'POST', { 'content-type': 'application/json' }, '{')
  ]
  for (const text of [...said, logged.join('\n')]) holdsNone(t, text, ['sesame'], text.slice(0, 20))
})
