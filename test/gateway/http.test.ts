import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { startGateway } from '../helpers/gateway.ts'
import { offerH2c } from '../helpers/h2c.ts'

t.test('what is not there is answered as JSON, whatever the method', async (t) => {
  const { http } = await startGateway(t)
  for (const [method, path] of [['GET', '/nowhere'], ['PUT', '/position'], ['POST', '/chat'], ['GET', '/assets/nothing.js']]) {
    const answer = await fetch(`${http}${path}`, { method: method! })
    t.equal(answer.status, 404, `${method} ${path}`)
    t.match(await answer.json(), { code: 404, reason: 'not_found' })
  }
})

t.test('a path that is none, and bytes that are no HTTP, are refused and harm nobody', async (t) => {
  const { http, port } = await startGateway(t)
  const sent = request({ port, path: '/%zz' }).end()
  const [answer] = await once(sent, 'response') as [IncomingMessage]
  t.equal(answer.statusCode, 400)
  answer.resume()
  const socket = connect(port, '127.0.0.1').resume()
  socket.write('\x00\x01garbage\r\n\r\n')
  await once(socket, 'close')
  t.equal((await fetch(`${http}/healthz`)).status, 200)
})

t.test('a file outside of the pages cannot be had', async (t) => {
  const { port } = await startGateway(t)
  for (const path of ['/assets/../http/server.js', '/assets/%2e%2e/http/server.js', '/assets/..%2fmain.js']) {
    const [answer] = await once(request({ port, path }).end(), 'response') as [IncomingMessage]
    t.not(answer.statusCode, 200, path)
    answer.resume()
  }
})

t.test('healthy and ready, with the embedded broker, from the start', async (t) => {
  const { http } = await startGateway(t)
  t.strictSame(await (await fetch(`${http}/healthz`)).json(), { status: 'ok' })
  t.strictSame(await (await fetch(`${http}/readyz`)).json(), { status: 'ready' })
})

t.test('the pages are served under a strict policy, with nothing inline', async (t) => {
  const { http } = await startGateway(t)
  for (const path of ['/chat', '/dashboard']) {
    const answer = await fetch(`${http}${path}`)
    t.equal(answer.status, 200)
    t.match(answer.headers.get('content-type'), /text\/html/)
    const policy = answer.headers.get('content-security-policy')!
    t.match(policy, /default-src 'none'/)
    t.notMatch(policy, /unsafe/)
    t.match(policy, /frame-ancestors 'none'/)
    t.equal(answer.headers.get('x-frame-options'), 'DENY')
    const html = await answer.text()
    t.notMatch(html, /<script(?![^>]*\bsrc=)|\son[a-z]+=|<style|\sstyle=|javascript:|https?:\/\/(?!www\.w3\.org)/i)
    for (const [, asset] of html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) {
      t.equal((await fetch(`${http}${asset}`)).status, 200, asset!)
    }
  }
  const root = await fetch(`${http}/`)
  t.equal(new URL(root.url).pathname, '/chat')
})

t.test('who offers to go on in HTTP/2 is answered in HTTP/1.1, body and all', async (t) => {
  const { port } = await startGateway(t)
  t.match(await offerH2c(port, 'POST', '/rooms/a/messages', '{"content":1}'), [200, /^\{"seq":1,/])
  t.match(await offerH2c(port, 'GET', '/position'), [200, '{"position":0}'])
  t.match(await offerH2c(port, 'GET', '/nothing'), [404, /not_found/])
})
