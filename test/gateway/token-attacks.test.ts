import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import {
  type Attack, AUDIENCE, goodClaims, ISSUER, malformedTokens, wrongClaims, wrongKeys, wrongSignatures
} from '../helpers/attacks.ts'
import { Client, connect, type Frame } from '../helpers/client.ts'
import { type RunningGateway, startGateway } from '../helpers/gateway.ts'
import { CountingServer, Issuer } from '../helpers/issuer.ts'
import { bearer, forge, nowS, SECRET } from '../helpers/tokens.ts'

const UNLIMITED = { RATE_HTTP: '0', RATE_REQUESTS: '0', RATE_CONNECTIONS: '0' }
const NAMED = { AUTH_ISSUER: ISSUER, AUTH_AUDIENCE: AUDIENCE }
const HS256 = { alg: 'HS256' }

interface Answer { readonly status: number, readonly body: Frame, readonly challenge: string | undefined }

type Headers = Readonly<Record<string, string | string[]>>

async function answerOf (response: IncomingMessage): Promise<Answer> {
  let text = ''
  for await (const chunk of response) text += chunk
  const body = JSON.parse(text) as Frame
  return { status: response.statusCode!, body, challenge: response.headers['www-authenticate'] }
}

/** The answer to an upgrade that is refused. */
async function knock (url: string, headers: Headers = {}): Promise<Answer> {
  const socket = new WebSocket(url, { headers })
  socket.on('open', () => {
    socket.terminate()
    socket.emit('error', new Error(`let in: ${url} ${JSON.stringify(headers)}`))
  })
  const [, response] = await once(socket, 'unexpected-response') as [unknown, IncomingMessage]
  return await answerOf(response)
}

async function get (url: string, headers: Headers = {}): Promise<Answer> {
  const [response] = await once(request(url, { headers }).end(), 'response') as [IncomingMessage]
  return await answerOf(response)
}

function refusalOf ({ reason = 'unauthenticated', message }: Partial<Attack>): object {
  return { code: 401, reason, message: message ?? /^token: / }
}

function isRefused (t: Test, { status, body, challenge }: Answer, attack: Partial<Attack>, where: string): void {
  t.equal(status, 401, where)
  t.match(body, refusalOf(attack), where)
  t.strictSame(Object.keys(body), ['code', 'reason', 'message'], where)
  t.equal(challenge, 'Bearer', where)
}

/** Upgraded, then closed; nothing is said in between. */
async function isClosed (t: Test, url: string, name: string): Promise<void> {
  const client = new Client(url)
  client.socket.on('message', () => client.socket.terminate())
  t.match(await client.closed, { code: 4401, reason: /^token / }, `${name}: in the address`)
  t.strictSame(client.frames, [], `${name}: no welcome`)
}

/** One token at every door. */
async function tryAll (t: Test, { http, ws }: RunningGateway, inside: Client, attack: Attack): Promise<void> {
  const { name, token } = attack
  const headers = { authorization: `Bearer ${token}` }
  isRefused(t, await knock(ws, headers), attack, `${name}: upgrade`)
  isRefused(t, await get(`${http}/position`, headers), attack, `${name}: HTTP`)
  await isClosed(t, `${ws}?token=${encodeURIComponent(token)}`, name)
  t.match(await inside.ask({ type: 'auth', token }), { type: 'error', ...refusalOf(attack) }, `${name}: auth`)
  t.match(await inside.ask({ type: 'ping' }), { type: 'pong' }, `${name}: the connection lives`)
}

/** A good token at every door. */
async function isWelcome (
  t: Test, { http, ws }: RunningGateway, inside: Client, make: () => Promise<string>
): Promise<void> {
  const { authorization } = bearer(await make()).headers
  t.match((await connect(t, ws, { headers: { authorization } })).welcome, { user: 'ann', expires: /Z$/ })
  t.match((await connect(t, `${ws}?token=${await make()}`)).welcome, { user: 'ann', expires: /Z$/ })
  t.match(await inside.ask({ type: 'auth', token: await make() }), { type: 'authenticated', user: 'ann', expires: /Z$/ })
  t.equal((await get(`${http}/position`, bearer(await make()).headers)).status, 200)
}

t.test('with a secret and an issuer', { timeout: 120_000 }, async (t) => {
  const issuer = await Issuer.start(t)
  const stranger = await Issuer.start(t, ['RS256'])
  const evil = await CountingServer.start(t)
  const gateway = await startGateway(t, { ...UNLIMITED, ...NAMED, AUTH_SECRET: SECRET, AUTH_JWKS_URL: issuer.url })
  const { http, ws } = gateway
  const good = forge(HS256, goodClaims())
  const inside = await connect(t, `${ws}?join=general`, bearer(good))

  t.test('good tokens are taken at every door', async (t) => {
    await isWelcome(t, gateway, inside, async () => forge(HS256, goodClaims()))
    await isWelcome(t, gateway, inside, async () => forge(HS256, { ...goodClaims(), aud: ['other', AUDIENCE] }))
    for (const alg of ['RS256', 'ES256', 'EdDSA']) {
      await isWelcome(t, gateway, inside, () => issuer.sign(alg, goodClaims()))
      await isWelcome(t, gateway, inside, () => issuer.sign(alg, goodClaims(), { kid: undefined }))
    }
  })

  t.test('a clock that is off by less than 5 s is no hindrance', async (t) => {
    await isWelcome(t, gateway, inside, async () => forge(HS256, { ...goodClaims(), exp: nowS() - 2 }))
    await isWelcome(t, gateway, inside, async () => forge(HS256, { ...goodClaims(), nbf: nowS() + 3 }))
    t.match(await inside.ask({ type: 'auth', token: good }), { type: 'authenticated' })
  })

  t.test('an end that is further off than any date is for ever', async (t) => {
    for (const exp of ['1e300', '1e999']) {
      const token = forge(HS256, JSON.stringify({ ...goodClaims(), exp: 0 }).replace('"exp":0', `"exp":${exp}`))
      t.match((await connect(t, ws, bearer(token))).welcome, { user: 'ann', expires: '+275760-09-13T00:00:00.000Z' })
    }
  })

  t.test('bad tokens are refused at every door', async (t) => {
    const attacks = [
      ...malformedTokens(), ...wrongClaims(), ...wrongSignatures(), ...await wrongKeys(issuer, stranger, evil.url)
    ]
    for (const attack of attacks) await tryAll(t, gateway, inside, attack)
    t.comment(`${attacks.length} tokens at 4 doors each`)
    t.equal(new Set(attacks.map(({ token }) => token)).size, attacks.length, 'no token is tried twice')
    t.ok(attacks.length >= 40)
    t.equal(evil.requests + stranger.requests, 0, 'no address in a token is fetched')
    t.equal(issuer.requests, 1, 'nor do they have the keys fetched again')
    t.match(await inside.ask({ type: 'message', room: 'general', content: 1 }), { type: 'ack', seq: 1 })
    t.strictSame(await inside.settle().then((frames) => frames.map(({ type }) => type)), ['joined', 'message'])
    await inside.ask({ type: 'leave', room: 'general' })
  })

  t.test('a token is asked for at every door', async (t) => {
    const missing = { message: /^token: missing$/ }
    isRefused(t, await knock(ws), missing, 'upgrade')
    isRefused(t, await knock(`${ws}?user=ann`), missing, 'upgrade, with a name')
    isRefused(t, await get(`${http}/position`), missing, 'HTTP')
    for (const token of [undefined, null, 7, [good], { token: good }]) {
      t.match(await inside.ask({ type: 'auth', token }), { type: 'error', code: 400, reason: 'bad_message', message: /^token: / })
    }
    t.match(await inside.ask({ type: 'ping' }), { type: 'pong' })
  })

  t.test('a token is only taken where it belongs', async (t) => {
    const basic = `Basic ${Buffer.from(`ann:${good}`).toString('base64')}`
    const headers: Readonly<Record<string, Headers>> = {
      Basic: { authorization: basic },
      'another scheme': { authorization: `Token ${good}` },
      'no scheme': { authorization: good },
      'no space': { authorization: `Bearer${good}` },
      'a scheme and nothing': { authorization: 'Bearer' },
      'an empty header': { authorization: '' },
      'quotes around it': { authorization: `Bearer "${good}"` },
      'a token and more': { authorization: `Bearer ${good} ${good}` },
      'two of them': { authorization: `Bearer ${good}, Bearer ${good}` },
      'two headers, the first bad': { authorization: ['Bearer bad', `Bearer ${good}`] }
    }
    for (const [name, header] of Object.entries(headers)) {
      const message = /^token: refused$/
      isRefused(t, await knock(ws, header), { message }, `${name}: upgrade`)
      // What is wrong in the header is not made good by the address.
      isRefused(t, await knock(`${ws}?token=${good}`, header), { message }, `${name}: upgrade, with a good address`)
      isRefused(t, await get(`${http}/position`, header), { message }, `${name}: HTTP`)
    }
    const elsewhere = { cookie: `token=${good}`, 'sec-websocket-protocol': good, 'proxy-authorization': `Bearer ${good}` }
    for (const [name, value] of Object.entries(elsewhere)) {
      isRefused(t, await knock(ws, { [name]: value }), { message: /^token: missing$/ }, `${name}: upgrade`)
      isRefused(t, await get(`${http}/position`, { [name]: value }), { message: /^token: missing$/ }, `${name}: HTTP`)
    }
    isRefused(t, await get(`${http}/position?token=${good}`), { message: /^token: missing$/ }, 'HTTP, in the address')
    await isClosed(t, `${ws}?token=${good}&token=${good}`, 'given twice')
    await isClosed(t, `${ws}?token=bad&token=${good}`, 'given twice, the first bad')
    await isClosed(t, `${ws}?token[]=${good}&token=`, 'given as a list')
    for (const name of ['Token', 'access_token', 'token[]']) {
      isRefused(t, await knock(`${ws}?${name}=${good}`), { message: /^token: missing$/ }, name)
    }
    t.match((await connect(t, `${ws}?token=bad`, bearer(good))).welcome, { user: 'ann' }, 'the header counts')
    t.match((await connect(t, ws, { headers: { authorization: `bearer  ${good} ` } })).welcome, { user: 'ann' })
    t.match((await connect(t, `${ws}?user=root`, bearer(good))).welcome, { user: 'ann' }, 'nobody names themselves')
  })

  t.test('a token larger than any head of a request is refused', async (t) => {
    const token = forge(HS256, { ...goodClaims(), padding: 'x'.repeat(15_000) })
    const { status, body } = await knock(ws, { authorization: `Bearer ${token}` })
    t.equal(status, 431)
    t.match(body, { code: 431, reason: 'bad_message' })
    t.equal((await get(`${http}/position`, { authorization: `Bearer ${token}` })).status, 431)
    t.equal((await knock(`${ws}?token=${token}`)).status, 431)
    t.match(await inside.ask({ type: 'auth', token }), { type: 'error', code: 401, reason: 'unauthenticated' })
    t.match(await inside.ask({ type: 'ping' }), { type: 'pong' })
  })
})

t.test('where only an issuer is configured, no secret is believed', async (t) => {
  const issuer = await Issuer.start(t)
  const gateway = await startGateway(t, { ...UNLIMITED, AUTH_JWKS_URL: issuer.url })
  const inside = await connect(t, gateway.ws, bearer(await issuer.sign('RS256', goodClaims())))
  const message = /^token: refused$/
  for (const [name, secret] of [['a secret', SECRET], ['no secret', ''], ['the word undefined', 'undefined']] as const) {
    await tryAll(t, gateway, inside, { name, token: forge(HS256, goodClaims(), secret), message })
  }
  for (const format of ['pem', 'der'] as const) {
    const token = forge(HS256, goodClaims(), issuer.exported('RS256', format))
    await tryAll(t, gateway, inside, { name: `the public key as ${format}`, token, message })
  }
  await isWelcome(t, gateway, inside, () => issuer.sign('ES256', goodClaims()))
})

t.test('where only a secret is configured, no key is believed', async (t) => {
  const issuer = await Issuer.start(t)
  const gateway = await startGateway(t, { ...UNLIMITED, AUTH_SECRET: SECRET })
  const inside = await connect(t, gateway.ws, bearer(forge(HS256, goodClaims())))
  const message = /^token: refused$/
  for (const alg of ['RS256', 'ES256', 'EdDSA']) {
    const jwk = issuer.jwks.keys.find(({ kid }) => kid === alg)!
    const token = await issuer.sign(alg, goodClaims(), { jwk, jku: issuer.url })
    await tryAll(t, gateway, inside, { name: alg, token, message })
  }
  t.equal(issuer.requests, 0)
  await isWelcome(t, gateway, inside, async () => forge(HS256, goodClaims()))
})
