import t from 'tap'
import { isOnline, open, say, shows } from '../helpers/browser.ts'
import { startCluster } from '../helpers/cluster.ts'

t.test('two browsers chat through nginx, and go on when the replica of one is restarted', async (t) => {
  const { cluster } = await startCluster(t, { DRAIN_MS: '500' })
  const ann = await open(t, `${cluster.http}/chat`)
  const bob = await open(t, `${cluster.http}/chat`)
  for (const [page, name] of [[ann, 'ann'], [bob, 'bob']] as const) {
    await page.fill('#name', name)
    await page.press('#name', 'Enter')
  }
  await isOnline(ann, /as ann via gateway-/)
  await isOnline(bob, /as bob via gateway-/)
  await say(ann, 'Hello, Bob')
  await shows(bob, 'ann', 'Hello, Bob')

  const replica = /gateway-[abc]/.exec((await bob.textContent('#status'))!)![0]
  t.strictSame(await cluster.replica(replica).stop(), { code: 0, signal: null })
  await isOnline(bob, new RegExp(`as bob via gateway-(?!${replica.at(-1)})`))
  await say(bob, 'I have moved')
  await shows(ann, 'bob', 'I have moved')
  await cluster.replica(replica).start()
  await bob.reload()
  await isOnline(bob, new RegExp(`via ${replica}`))
})
