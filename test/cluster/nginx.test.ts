import { once } from 'node:events'
import { createServer, get as httpGet, type IncomingMessage, type RequestListener } from 'node:http'
import { connect as connectTcp } from 'node:net'
import t, { type Test } from 'tap'
import { Nginx } from '../../cluster/nginx.ts'
import { freePort } from '../../cluster/ports.ts'
import { eventually } from '../../cluster/until.ts'

/** nginx before servers of the test's own. */
async function front (test: Test, ...servers: RequestListener[]): Promise<{ nginx: Nginx, site: string }> {
  const ports = await Promise.all(servers.map(async (listener) => {
    const server = createServer(listener).listen(0, '127.0.0.1')
    test.teardown(() => {
      server.close()
      server.closeAllConnections()
    })
    await once(server, 'listening')
    return (server.address() as { port: number }).port
  }))
  const nginx = await Nginx.start(ports.map((port) => `127.0.0.1:${port}`), { port: await freePort() })
  test.teardown(() => nginx.stop())
  return { nginx, site: `http://127.0.0.1:${nginx.port}` }
}

const full: RequestListener = (_request, response) => { response.writeHead(503, { 'retry-after': '7' }).end('full') }
const fine: RequestListener = (request, response) => { response.end(JSON.stringify(request.headers)) }

t.test('a replica that answers 503 is left for another, but never with what may not be done twice', async (t) => {
  const { site } = await front(t, full, fine)
  for (let n = 0; n < 20; n++) t.equal((await fetch(site)).status, 200)
  const posts = await Promise.all(Array.from({ length: 40 }, async () => (await fetch(site, { method: 'POST' })).status))
  t.ok(posts.includes(503) && posts.includes(200), 'a POST stays where it was sent')
})

t.test('where all answer 503 the last answer is passed on, and replicas are not given up for it', async (t) => {
  let isFull = true
  const { site } = await front(t, full, (request, response) => (isFull ? full : fine)(request, response))
  for (let n = 0; n < 5; n++) {
    const answer = await fetch(site)
    t.strictSame([answer.status, answer.headers.get('retry-after'), await answer.text()], [503, '7', 'full'])
  }
  isFull = false
  t.equal((await fetch(site)).status, 200)
})

t.test('where none can be reached that is said in the form of the gateway, also to a POST', async (t) => {
  const { site, nginx } = await front(t, fine)
  await nginx.setServers([`127.0.0.1:${await freePort()}`])
  await nginx.reload()
  await untilStatus(site, 503)
  for (const method of ['GET', 'POST']) {
    const answer = await fetch(site, { method })
    t.strictSame([answer.status, answer.headers.get('retry-after')], [503, '1'])
    t.match(await answer.json(), { code: 503, reason: 'unavailable', message: String })
  }
})

t.test('where it is not known whether a POST was done, nginx does not say that it was not', async (t) => {
  const { site } = await front(t, (request) => {
    request.resume().on('end', () => request.socket.destroy())
  })
  const post = await fetch(site, { method: 'POST', body: '{"delta":50}' })
  t.strictSame([post.status, post.headers.get('retry-after')], [503, '1'])
  t.match(await post.json(), { code: 503, reason: 'unknown_outcome' })
  t.match(await (await fetch(site)).json(), { reason: 'unavailable' })
})

t.test("the client's address is nginx's word, and Host and scheme are what the browser saw", async (t) => {
  const { site, nginx } = await front(t, fine)
  const headers = await (await fetch(site, { headers: { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' } })).json()
  t.hasStrict(headers, { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http', host: `127.0.0.1:${nginx.port}` })
})

t.test('only upgrades to WebSocket are passed on', async (t) => {
  const { site } = await front(t, fine)
  for (const upgrade of ['h2c', 'websocketx', 'TLS/1.0']) {
    const [answer] = await once(httpGet(site, { headers: { upgrade, connection: 'upgrade' } }), 'response') as [IncomingMessage]
    const seen = JSON.parse(await text(answer)) as Record<string, string>
    t.equal(answer.statusCode, 200)
    t.equal(seen['upgrade'], undefined)
  }
})

t.test('a cookie that is not ours, or is made up, is replaced', async (t) => {
  const { site } = await front(t, fine)
  const set = async (cookie: string): Promise<string | null> =>
    (await fetch(site, { headers: { cookie } })).headers.get('set-cookie')
  const fresh = /^tidegate=[0-9a-f]{32}; Path=\/; Max-Age=86400; HttpOnly; SameSite=Lax$/
  t.match(await set('theme=dark'), fresh)
  t.match(await set('tidegate='), fresh)
  t.match(await set('tidegate=gateway-a'), fresh)
  t.match(await set(`tidegate=${'f'.repeat(3_000)}`), fresh)
  t.equal(await set(`theme=dark; tidegate=${'0a'.repeat(16)}`), null)
})

t.test('what is for operators is shown to nobody, however it is written', async (t) => {
  const { site } = await front(t, fine)
  for (const path of ['/readyz', '/metrics', '/Readyz', '/readyz/', '/%72eadyz', '//metrics', '/./metrics', '/metrics?x=1']) {
    const answer = await text((await once(httpGet(`${site}${path}`), 'response') as [IncomingMessage])[0])
    t.match(JSON.parse(answer), { code: 404, reason: 'not_found' }, path)
  }
  t.equal((await fetch(`${site}/readyzzz`)).status, 200)
})

t.test('server-sent events are passed on as they come', async (t) => {
  let end = (): void => {}
  const { site } = await front(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: 1\n\n')
    end = () => response.end()
  })
  const reader = (await fetch(`${site}/events?room=a`)).body!.getReader()
  const { value } = await reader.read()
  t.equal(Buffer.from(value!).toString(), 'data: 1\n\n', 'before the answer has ended')
  end()
  t.equal((await reader.read()).done, true)
})

t.test('a slow reader of events is felt by the gateway, and not read ahead for', async (t) => {
  const mebibyte = Buffer.alloc(2 ** 20)
  let isHeldBack = (): void => {}
  const heldBack = new Promise<void>((resolve) => { isHeldBack = resolve })
  let takenBytes = 0
  const { nginx } = await front(t, (_request, response) => {
    const write = (): void => {
      const timer = setTimeout(isHeldBack, 1_000)
      takenBytes += mebibyte.length
      response.write(mebibyte, () => {
        clearTimeout(timer)
        if (takenBytes < 256 * mebibyte.length) write()
        else isHeldBack()
      })
    }
    write()
  })
  const slow = connectTcp(nginx.port, '127.0.0.1')
  t.teardown(() => slow.destroy())
  slow.pause()
  slow.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n')
  await heldBack
  // What the kernel keeps on three sockets.
  t.ok(takenBytes < 64 * mebibyte.length, `${takenBytes / mebibyte.length} MiB`)
})

t.test('no token reaches a log, whatever goes wrong', async (t) => {
  const said: string[] = []
  const nginx = await Nginx.start([`127.0.0.1:${await freePort()}`], { port: await freePort(), onLine: (line) => { said.push(line) } })
  t.teardown(() => nginx.stop())
  const answer = await fetch(`http://127.0.0.1:${nginx.port}/ws?token=sesame`, { headers: { referer: 'http://x/?token=sesame' } })
  t.equal(answer.status, 503)
  const raw = connectTcp(nginx.port, '127.0.0.1')
  raw.end('GET /ws?token=sesame HTTP/9.9\r\n\r\n')
  await text(raw)
  // It is written after the answer, and by several workers.
  await eventually('both are in the log', async () => (await nginx.accessLog()).length === 2)
  const log = await nginx.accessLog()
  // What nginx calls critical, it says with the request's first line.
  await nginx.setServers(['unix:/nowhere/tidegate.sock'])
  await nginx.reload()
  await eventually('it asks there', async () => {
    await fetch(`http://127.0.0.1:${nginx.port}/ws?token=sesame`).catch(() => {})
    return (await nginx.accessLog()).some((line) => line.includes('unix:'))
  })
  const entries = log.map((line) => JSON.parse(line) as { status: number })
  t.match(entries.find(({ status }) => status === 503), { method: 'GET', uri: '/ws', upstreamStatus: '502' }, 'what went wrong is there')
  t.notMatch([...log, ...said].join('\n'), /sesame/)
})

t.test('a body is passed on as it comes: how long it may take is for the gateway to say', async (t) => {
  let heard = (_chunk: string): void => {}
  const first = new Promise<string>((resolve) => { heard = resolve })
  const { nginx } = await front(t, (request, response) => {
    request.on('data', (chunk: Buffer) => heard(String(chunk)))
    request.on('end', () => response.end())
  })
  const client = connectTcp(nginx.port, '127.0.0.1')
  t.teardown(() => client.destroy())
  client.write('POST /position HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{"delta":')
  t.equal(await first, '{"delta":', 'before the rest of it')
})

t.test('what is too large for nginx is refused in the form of the gateway', async (t) => {
  const { site } = await front(t, fine)
  const answer = await fetch(`${site}/position`, { method: 'POST', body: new Uint8Array(9 * 2 ** 20) })
  t.equal(answer.status, 413)
  t.match(await answer.json(), { code: 413, reason: 'too_large' })
})

t.test('a client that names no host is served', async (t) => {
  const { nginx } = await front(t, fine)
  const client = connectTcp(nginx.port, '127.0.0.1')
  client.write('GET /healthz HTTP/1.0\r\n\r\n')
  t.match(await text(client), /^HTTP\/1.1 200 [^]*"host"/)
})

t.test('who drips a head is let go after 8 s', async (t) => {
  const { nginx } = await front(t, fine)
  const startMs = performance.now()
  const drip = connectTcp(nginx.port, '127.0.0.1')
  // A reset, so that nothing lingers.
  const ended = new Promise((resolve) => { drip.on('close', resolve).on('error', () => {}) })
  drip.write('GET / HTTP/1.1\r\nHost: x\r\nX-A: ')
  const timer = setInterval(() => drip.write('a'), 500)
  await ended
  clearInterval(timer)
  const tookMs = performance.now() - startMs
  t.ok(tookMs > 7_000 && tookMs < 10_000, `${Math.round(tookMs)} ms`)
})

async function text (stream: AsyncIterable<Buffer>): Promise<string> {
  let all = ''
  for await (const chunk of stream) all += String(chunk)
  return all
}

/** A reload takes a moment, in which old workers and new ones answer by turns; nothing tells when it is done. */
async function untilStatus (site: string, status: number): Promise<void> {
  let times = 0
  await eventually(`it answers ${status}, and nothing else any more`, async () => {
    // A connection that was kept may be one of the old workers', who just closes it.
    const answer = await fetch(site).catch(() => undefined)
    times = answer?.status === status ? times + 1 : 0
    return times === 5
  })
}
