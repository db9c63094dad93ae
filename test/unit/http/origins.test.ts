import t from 'tap'
import { isOriginAllowed } from '../../../src/http/origins.ts'

const HOST = 'chat.example.org'
const LISTED = ['https://good.com', 'http://good.com:8080']

t.test('no origin is no browser, and is let in', (t) => {
  t.ok(isOriginAllowed(undefined, HOST, []))
  t.end()
})

t.test('a page of the gateway\'s own host is let in', (t) => {
  for (const origin of ['https://chat.example.org', 'http://chat.example.org', 'HTTPS://CHAT.EXAMPLE.ORG']) {
    t.ok(isOriginAllowed(origin, HOST, []), origin)
  }
  t.end()
})

t.test('a page of another host is not', (t) => {
  const origins = [
    'https://evil.com', 'https://chat.example.org.evil.com', 'https://evil-chat.example.org', 'https://example.org',
    'https://chat.example.org@evil.com', 'https://evil.com/chat.example.org', 'https://evil.com#chat.example.org'
  ]
  for (const origin of origins) t.notOk(isOriginAllowed(origin, HOST, []), origin)
  t.end()
})

t.test('a listed origin is let in, and one that only looks like it is not', (t) => {
  for (const origin of ['https://good.com', 'https://GOOD.com', 'https://good.com:443', 'http://good.com:8080']) {
    t.ok(isOriginAllowed(origin, HOST, LISTED), origin)
  }
  const others = [
    'http://good.com', 'https://good.com:8080', 'https://good.com.evil', 'https://www.good.com', 'https://good.com.',
    'https://good.co', 'https://evilgood.com', 'wss://good.com'
  ]
  for (const origin of others) t.notOk(isOriginAllowed(origin, HOST, LISTED), origin)
  t.end()
})

t.test('the host\'s port counts, but for the default one of the scheme', (t) => {
  t.ok(isOriginAllowed('http://localhost:8080', 'localhost:8080', []))
  t.notOk(isOriginAllowed('http://localhost:8081', 'localhost:8080', []))
  t.notOk(isOriginAllowed('http://localhost', 'localhost:8080', []))
  t.ok(isOriginAllowed('https://chat.example.org', 'chat.example.org:443', []))
  t.ok(isOriginAllowed('http://chat.example.org', 'CHAT.example.org:80', []))
  t.notOk(isOriginAllowed('https://chat.example.org', 'chat.example.org:80', []))
  t.end()
})

t.test('a trailing dot is another host', (t) => {
  t.notOk(isOriginAllowed('https://chat.example.org.', HOST, []))
  t.end()
})

t.test('an address is a host, too', (t) => {
  t.ok(isOriginAllowed('http://[::1]:8080', '[::1]:8080', []))
  t.notOk(isOriginAllowed('http://[::2]:8080', '[::1]:8080', []))
  t.end()
})

t.test('the origin null is let in only where it is listed', (t) => {
  t.notOk(isOriginAllowed('null', HOST, []))
  t.notOk(isOriginAllowed('null', HOST, LISTED))
  t.notOk(isOriginAllowed('null', 'null', []))
  t.ok(isOriginAllowed('null', HOST, ['null']))
  t.end()
})

t.test('* lets every page in that has an origin; null must be listed', (t) => {
  for (const origin of ['https://evil.com', 'chrome-extension://abcdef']) t.ok(isOriginAllowed(origin, HOST, ['*']), origin)
  t.notOk(isOriginAllowed('null', HOST, ['*']))
  t.ok(isOriginAllowed('null', HOST, ['*', 'null']))
  t.end()
})

t.test('only pages of http and https have an origin', (t) => {
  const origins = ['chrome-extension://abcdef', 'ftp://good.com', 'file://', 'data:text/html,x', 'ws://chat.example.org', 'blob:https://good.com/x']
  for (const origin of origins) {
    for (const allowed of [[], LISTED, ['null'], ['null', 'ftp://good.com']]) t.notOk(isOriginAllowed(origin, HOST, allowed), origin)
  }
  t.notOk(isOriginAllowed('httpsx://chat.example.org', HOST, ['null']))
  t.end()
})

t.test('what is no URL is no origin', (t) => {
  for (const origin of ['', 'chat.example.org', '//chat.example.org', 'https://', 'https://a b']) {
    t.notOk(isOriginAllowed(origin, HOST, LISTED), JSON.stringify(origin))
  }
  t.end()
})

t.test('a host that is none has no pages of its own', (t) => {
  for (const host of ['', ' ', 'a b', ':80']) t.notOk(isOriginAllowed('https://evil.com', host, []), JSON.stringify(host))
  t.end()
})
