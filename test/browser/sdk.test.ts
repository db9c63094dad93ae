import { buildSync } from 'esbuild'
import t, { type Test } from 'tap'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startGateway } from '../helpers/gateway.ts'
import { open } from '../helpers/browser.ts'

/** What runs in a page, or in a worker: it talks to itself, and tells what it has heard. */
const TALK = `
  const client = connect(url, { user: 'page' })
  const room = client.room('general', { history: 10 })
  const heard = []
  const done = new Promise((resolve) => room.on('message', ({ content }) => { if (heard.push(content) === 3) resolve() }))
  const receipts = await Promise.all([1, 2, 3].map((n) => room.publish(n)))
  await done
  const moved = await client.position.move(7)
  const { count } = await room.members()
  const result = { heard, seqs: receipts.map(({ seq }) => seq), position: moved.position, count, state: client.state }
  client.close()
`

function bundled (code: string): string {
  const { outputFiles } = buildSync({
    stdin: { contents: code, resolveDir: process.cwd() }, bundle: true, minify: true, format: 'iife', target: 'es2022', write: false
  })
  return outputFiles[0]!.text
}

/** An empty page of another origin, without a policy, and a worker's script. */
async function startSite (t: Test, worker = ''): Promise<string> {
  const server = createServer((request, response) => {
    const isWorker = request.url === '/worker.js'
    response.setHeader('content-type', isWorker ? 'text/javascript' : 'text/html')
    response.end(isWorker ? worker : '<!doctype html><link rel="icon" href="data:,"><body></body>')
  }).listen(0, '127.0.0.1')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

const IMPORT = "import { connect } from './build/src/client/tidegate.min.js'\n"
const EXPECTED = { heard: [1, 2, 3], seqs: [1, 2, 3], position: 7, count: 1, state: 'online' }

t.test('in a page of another origin', async (t) => {
  const { ws } = await startGateway(t, { ALLOWED_ORIGINS: '*' })
  const page = await open(t, await startSite(t))
  await page.evaluate(bundled(`${IMPORT} globalThis.talk = async (url) => { ${TALK}; return result }`))
  t.strictSame(await page.evaluate(`talk(${JSON.stringify(ws)})`), EXPECTED)
})

t.test('in a worker', async (t) => {
  const { ws } = await startGateway(t, { ALLOWED_ORIGINS: '*' })
  const worker = bundled(`${IMPORT} onmessage = async ({ data: url }) => { ${TALK}; postMessage(result) }`)
  const page = await open(t, await startSite(t, worker))
  // As text: there is no Worker where this is compiled.
  const result = await page.evaluate(`new Promise((resolve, reject) => {
    const worker = new Worker('/worker.js')
    worker.onmessage = ({ data }) => resolve(data)
    worker.onerror = ({ message }) => reject(new Error(message))
    worker.postMessage(${JSON.stringify(ws)})
  })`)
  t.strictSame(result, EXPECTED)
})

t.test('React: rooms, members and the car, in StrictMode', async (t) => {
  const { ws } = await startGateway(t, { ALLOWED_ORIGINS: '*' })
  const page = await open(t, await startSite(t))
  await page.evaluate(bundled(`${IMPORT}
    import { createElement as h, StrictMode, useState } from 'react'
    import { createRoot } from 'react-dom/client'
    import { useMembers, usePosition, useRoom } from './build/src/react/index.js'
    globalThis.render = (url) => {
      const client = globalThis.client = connect(url, { user: 'ann' })
      function Chat () {
        const { messages, publish, isJoined } = useRoom(client, 'general', { history: 10 })
        const { members } = useMembers(client, 'general')
        const [position, move] = usePosition(client)
        return h('div', { id: 'chat' },
          h('p', { id: 'messages' }, messages.map(({ content }) => content).join()),
          h('p', { id: 'joined' }, String(isJoined)),
          h('p', { id: 'members' }, members.map(({ user }) => user).join()),
          h('p', { id: 'position' }, String(position)),
          h('button', { id: 'say', onClick: () => publish('hello') }),
          h('button', { id: 'move', onClick: () => move(5) }))
      }
      function App () {
        const [isShown, show] = useState(true)
        return h('main', null, h('button', { id: 'toggle', onClick: () => show(!isShown) }), isShown && h(Chat), isShown && h(Chat))
      }
      createRoot(document.body.appendChild(document.createElement('div'))).render(h(StrictMode, null, h(App)))
    }`))
  await page.evaluate(`render(${JSON.stringify(ws)})`)
  const shows = async (id: string, text: string): Promise<void> => {
    await page.locator(`#${id}`, { hasText: new RegExp(`^${text}$`) }).first().waitFor()
  }
  await shows('joined', 'true')
  await shows('members', 'ann')
  await shows('position', '0')
  await page.locator('#say').first().click()
  await page.locator('#move').first().click()
  await shows('messages', 'hello')
  await shows('position', '5')
  t.equal(await page.locator('#messages', { hasText: /^hello$/ }).count(), 2, 'two components share a room')
  await page.locator('#toggle').click()
  await page.locator('#toggle').click()
  await shows('messages', 'hello')
  t.equal(await page.locator('#messages', { hasText: /^hello$/ }).count(), 2, 'and what goes and comes back has lost nothing')
})
