import { readdirSync } from 'node:fs'
import t from 'tap'
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
