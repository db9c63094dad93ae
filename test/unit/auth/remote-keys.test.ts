import type { ServerResponse } from 'node:http'
import { mock } from 'node:test'
import { errors, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { KeysUnavailable, remoteKeys } from '../../../src/auth/remote-keys.ts'
import { Issuer } from '../../helpers/issuer.ts'

const MINUTE_MS = 60_000

/** An issuer, keys that come from it, and time that passes by hand. */
async function start (t: Test): Promise<{
  issuer: Issuer
  /** What was said of fetches that failed. */
  problems: readonly string[]
  load: () => Promise<void>
  pass: (ms: number) => void
  /** Whether a token signed with this key is believed now; or the class of the error. */
  tryKey: (kid: string, header?: object) => Promise<unknown>
}> {
  const issuer = await Issuer.start(t, ['ES256'])
  let nowMs = Date.now()
  const clock = mock.method(Date, 'now', () => nowMs)
  t.teardown(() => clock.mock.restore())
  const problems: string[] = []
  const keys = remoteKeys(new URL(issuer.url), (problem) => { problems.push(problem) }, () => nowMs)
  return {
    issuer,
    problems,
    load: () => keys.load(),
    pass: (ms) => { nowMs += ms },
    tryKey: async (kid, header) => {
      const token = await issuer.sign(kid, { sub: 'ann' }, { alg: 'ES256', ...header })
      try {
        await jwtVerify(token, keys.getKey, { algorithms: ['ES256'] })
        return true
      } catch (error) {
        return (error as Error).constructor
      }
    }
  }
}

async function times<Result> (count: number, act: (n: number) => Promise<Result>): Promise<Set<Result>> {
  return new Set(await Promise.all(Array.from({ length: count }, (_, n) => act(n))))
}

/** What an issuer that is out of order may answer. */
const OUTAGES: Readonly<Record<string, (issuer: Issuer, elsewhere: Issuer) => void>> = {
  'cuts the connection': (issuer) => { issuer.respond = ({ socket }) => socket!.destroy() },
  'answers 500': (issuer) => { issuer.respond = (response) => response.writeHead(500).end(JSON.stringify(issuer.jwks)) },
  'answers 404': (issuer) => { issuer.respond = (response) => response.writeHead(404).end() },
  'answers no JSON': (issuer) => { issuer.respond = (response) => response.end('<html>') },
  'answers JSON that is no set of keys': (issuer) => { issuer.respond = (response) => response.end('{"keys":{}}') },
  redirects: (issuer, elsewhere) => {
    issuer.respond = (response) => response.writeHead(302, { location: elsewhere.url }).end()
  }
}

t.test('the keys are fetched when they are first needed, once for many tokens', async (t) => {
  const { issuer, tryKey, pass } = await start(t)
  t.equal(issuer.requests, 0)
  t.strictSame(await times(20, () => tryKey('ES256')), new Set([true]))
  pass(9 * MINUTE_MS)
  t.strictSame(await times(20, () => tryKey('ES256')), new Set([true]))
  t.equal(issuer.requests, 1)
})

t.test('a new key is found, and a withdrawn one forgotten, when the keys are old', async (t) => {
  const { issuer, tryKey, pass } = await start(t)
  await tryKey('ES256')
  await issuer.add('ES256', 'new')
  issuer.withdraw('ES256')
  t.equal(await tryKey('ES256'), true, 'nobody knows yet')
  pass(10 * MINUTE_MS)
  t.equal(await tryKey('ES256'), errors.JWKSNoMatchingKey)
  t.equal(await tryKey('new'), true)
  t.equal(issuer.requests, 2)
})

t.test('a token that names a new key has the keys fetched again, but not within 30 s', async (t) => {
  const { issuer, tryKey, pass } = await start(t)
  await tryKey('ES256')
  await issuer.add('ES256', 'new')
  pass(29_900)
  t.equal(await tryKey('new'), errors.JWKSNoMatchingKey)
  t.equal(issuer.requests, 1)
  pass(200)
  t.strictSame(await times(5, () => tryKey('new')), new Set([true]))
  t.equal(issuer.requests, 2)
})

t.test('however many unknown keys are named, the keys are fetched once in 30 s', async (t) => {
  const { issuer, tryKey, pass } = await start(t)
  await tryKey('ES256')
  for (let round = 1; round <= 3; round++) {
    pass(30_100)
    for (let n = 0; n < 5; n++) {
      const outcomes = await times(20, (of) => tryKey('ES256', { kid: `made-up-${round}-${n}-${of}` }))
      t.strictSame(outcomes, new Set([errors.JWKSNoMatchingKey]))
      pass(1_000)
    }
    t.equal(issuer.requests, 1 + round)
    pass(-5_000)
  }
  t.equal(await tryKey('ES256'), true)
})

for (const [what, breakDown] of Object.entries(OUTAGES)) {
  t.test(`an issuer that ${what}: nobody can tell, and it is asked once in 2 s`, async (t) => {
    const elsewhere = await Issuer.start(t, ['ES256'])
    const { issuer, tryKey, pass } = await start(t)
    breakDown(issuer, elsewhere)
    for (let round = 1; round <= 3; round++) {
      t.strictSame(await times(20, () => tryKey('ES256')), new Set([KeysUnavailable]))
      pass(1_900)
      t.strictSame(await times(20, () => tryKey('ES256')), new Set([KeysUnavailable]))
      t.equal(issuer.requests, round)
      pass(200)
    }
    t.equal(elsewhere.requests, 0)
    issuer.serve()
    t.equal(await tryKey('ES256'), true, 'when it is back')
  })

  t.test(`an issuer that ${what}: the keys that are known are good for another hour, and no longer`, async (t) => {
    const elsewhere = await Issuer.start(t, ['ES256'])
    const { issuer, tryKey, pass } = await start(t)
    t.equal(await tryKey('ES256'), true)
    await issuer.add('ES256', 'new')
    breakDown(issuer, elsewhere)
    for (const minutes of [11, 30, 18]) {
      pass(minutes * MINUTE_MS)
      t.strictSame(await times(20, () => tryKey('ES256')), new Set([true]))
      t.equal(await tryKey('new'), KeysUnavailable, 'a key that may be a new one')
    }
    t.equal(issuer.requests, 4)
    pass(2 * MINUTE_MS)
    t.equal(await tryKey('ES256'), KeysUnavailable)
    t.equal(elsewhere.requests, 0)
    issuer.serve()
    pass(2_100)
    t.equal(await tryKey('new'), true, 'when it is back')
    t.equal(await tryKey('ES256'), true)
  })
}

t.test('a key withdrawn between two outages is not believed in the second', async (t) => {
  const { issuer, tryKey, pass } = await start(t)
  await tryKey('ES256')
  OUTAGES['answers 500']!(issuer, issuer)
  pass(11 * MINUTE_MS)
  t.equal(await tryKey('ES256'), true)
  await issuer.add('ES256', 'new')
  issuer.withdraw('ES256')
  issuer.serve()
  pass(2_100)
  t.equal(await tryKey('ES256'), errors.JWKSNoMatchingKey)
  OUTAGES['answers 500']!(issuer, issuer)
  pass(11 * MINUTE_MS)
  t.equal(await tryKey('ES256'), KeysUnavailable)
  t.equal(await tryKey('new'), true)
})

t.test('keys can be fetched before anybody needs them; why they cannot be had is told, once for each try', async (t) => {
  const { issuer, load, problems, pass, tryKey } = await start(t)
  await load()
  t.equal(issuer.requests, 1)
  t.equal(await tryKey('ES256'), true)
  t.equal(issuer.requests, 1, 'and not again')
  t.strictSame(problems, [])
  issuer.respond = ({ socket }) => socket!.destroy()
  pass(10 * MINUTE_MS)
  for (let n = 0; n < 5; n++) await tryKey('ES256')
  t.equal(problems.length, 1)
  t.match(problems[0], /UND_ERR_SOCKET|ECONNRESET|fetch failed/)
})

t.test('an answer without end is cut off, and is no set of keys', async (t) => {
  const { issuer, load, problems } = await start(t)
  issuer.respond = (response) => {
    const more = (): void => { if (!response.destroyed) response.write(Buffer.alloc(65_536, ' '), more) }
    more()
  }
  await load()
  t.match(problems, [/^more than 1048576 bytes$/])
})

t.test('an issuer that says nothing, or a byte now and then, is waited for 3 s', async (t) => {
  for (const respond of [() => {}, drip]) {
    const { issuer, tryKey } = await start(t)
    issuer.respond = respond
    const begunMs = performance.now()
    t.equal(await tryKey('ES256'), KeysUnavailable)
    const tookMs = performance.now() - begunMs
    t.ok(tookMs > 2_500 && tookMs < 4_500, `after ${Math.round(tookMs)} ms`)
  }
})

function drip (response: ServerResponse): void {
  const timer = setInterval(() => response.write(' '), 100)
  response.on('close', () => clearInterval(timer))
}

t.test('a key of the issuer that cannot be used is the fault of the token that names it, and stops no other', async (t) => {
  const { issuer, tryKey, pass, problems } = await start(t)
  issuer.jwks.keys.push({ kty: 'EC', crv: 'P-256', kid: 'broken', x: 'AA', y: 'AA', alg: 'ES256' })
  t.equal(await tryKey('ES256'), true)
  await issuer.add('ES256', 'new')
  pass(30_001)
  for (let n = 0; n < 20; n++) t.not(await tryKey('ES256', { kid: 'broken' }), KeysUnavailable)
  t.equal(await tryKey('new'), true, 'it is fetched all the same')
  t.strictSame(problems, [])
})
