import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import t from 'tap'
import { eventually } from '../../cluster/until.ts'
import { TRANSFER_MS } from '../../src/http/files.ts'
import { connect } from '../helpers/client.ts'
import { startHost } from '../helpers/host.ts'

interface Answer { readonly message?: string, readonly file?: { readonly url: string } }

t.test("the operator's hooks hear of a file before it is kept, and of who reads it", async (t) => {
  const dir = t.testdir()
  let isReadable = true
  const host = await startHost(t, {
    prefix: '/realtime',
    filesDir: dir,
    hooks: {
      onMessage: ({ content }) => {
        const { name } = content as { name?: string }
        return name === 'rude.txt' ? { refuse: 'be kind' } : { content: { ...content as object, looked: true } }
      },
      authorize: (_user, action) => action !== 'history' || isReadable
    }
  })
  const ann = await connect(t, `${host.ws}?user=ann&join=general`)
  await ann.next('joined')
  const share = async (name: string): Promise<[number, Answer]> => {
    const answer = await fetch(`${host.http}/realtime/rooms/general/files?name=${name}`, { method: 'POST', body: 'hello' })
    return [answer.status, await answer.json() as Answer]
  }
  t.match(await share('rude.txt'), [403, { message: 'be kind' }])
  t.strictSame(readdirSync(dir), [], 'it is not kept')
  const [status, { file }] = await share('kind.txt')
  t.equal(status, 200)
  t.match(await ann.next('message'), { content: { url: file!.url, looked: true } })
  t.match(file!.url, /^\/realtime\/files\//, 'under the prefix')
  t.equal(await (await fetch(host.http + file!.url)).text(), 'hello')
  isReadable = false
  t.equal((await fetch(host.http + file!.url)).status, 403)
  t.equal((await fetch(`${host.http}/realtime/rooms/general/files/link`)).status, 403)
})

t.test('an upload that drips on is ended when its time is up, on a server that knows no time, too', async (t) => {
  const setTimer = globalThis.setTimeout
  t.teardown(() => { globalThis.setTimeout = setTimer })
  // Nobody waits two minutes for a test.
  globalThis.setTimeout = ((task: () => void, ms: number, ...rest: []) =>
    setTimer(task, ms === TRANSFER_MS ? 500 : ms, ...rest)) as typeof setTimeout
  const dir = t.testdir()
  const host = await startHost(t, { filesDir: dir })
  const socket = connectTcp(Number(new URL(host.http).port), '127.0.0.1')
  socket.on('error', () => {})
  let said = ''
  socket.on('data', (chunk) => { said += String(chunk) })
  socket.write('POST /rooms/general/files HTTP/1.1\r\nhost: x\r\ncontent-length: 900000\r\n\r\n')
  const drip = setInterval(() => socket.write('x'.repeat(200)), 100)
  t.teardown(() => clearInterval(drip))
  await once(socket, 'close')
  t.match(said, /^HTTP\/1\.1 503 /)
  await eventually('nothing is left of it', async () => readdirSync(dir).length === 0)
})
