import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { goBy, isOnline, open, say, shows, texts } from '../helpers/browser.ts'
import { startCluster } from '../helpers/cluster.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import { freePort } from '../../cluster/ports.ts'
import { eventually } from '../../cluster/until.ts'

const OFFLINE_MS = 5_000

async function annAndBob (t: Test, cluster: Cluster, http = cluster.http): Promise<[Page, Page]> {
  const [ann, bob] = [await open(t, `${http}/chat`), await open(t, `${cluster.http}/chat`)]
  await goBy(ann, 'ann')
  await goBy(bob, 'bob')
  return [ann, bob]
}

async function replicaOf (page: Page): Promise<string> {
  return /gateway-[abc]/.exec((await page.textContent('#status'))!)![0]
}

t.test('two browsers chat through nginx, and go on when the replica of one is restarted', async (t) => {
  const { cluster } = await startCluster(t, { DRAIN_MS: '500' })
  const [ann, bob] = await annAndBob(t, cluster)
  await say(ann, 'Hello, Bob')
  await shows(bob, 'ann', 'Hello, Bob')

  const replica = await replicaOf(bob)
  t.strictSame(await cluster.replica(replica).stop(), { code: 0, signal: null })
  await isOnline(bob, new RegExp(`as bob via gateway-(?!${replica.at(-1)})`))
  await say(bob, 'I have moved')
  await shows(ann, 'bob', 'I have moved')
  await cluster.replica(replica).start()
  await bob.reload()
  await isOnline(bob, new RegExp(`via ${replica}`))
})

t.test('offline for 5 s and back: what was said meanwhile comes, and what was written goes, each once and in order', async (t) => {
  const { cluster } = await startCluster(t)
  const proxy = await TcpProxy.start(t, cluster.nginx.port)
  const [ann, bob] = await annAndBob(t, cluster, `http://127.0.0.1:${proxy.port}`)
  await say(ann, 'before')
  await shows(bob, 'ann', 'before')

  proxy.targetPort = await freePort()
  proxy.mute()
  await ann.context().setOffline(true)
  const endMs = performance.now() + OFFLINE_MS
  for (const text of ['one', 'two', 'three']) await say(bob, text)
  await say(ann, 'four')
  await say(ann, 'five')
  await ann.locator('#banner').waitFor()
  t.equal(await ann.locator('.outgoing.sending').count(), 2, 'what is written waits')
  await eventually('5 s have gone by', async () => performance.now() > endMs)
  proxy.targetPort = cluster.nginx.port
  await ann.context().setOffline(false)

  await isOnline(ann, /as ann via/)
  await shows(bob, 'ann', 'five')
  await eventually('all of it is stored', async () => await ann.locator('.outgoing').count() === 0)
  for (const page of [ann, bob]) {
    t.strictSame(await texts(page), ['before', 'one', 'two', 'three', 'four', 'five'])
    t.equal(await page.locator('.gap-line').count(), 0)
  }
  t.equal(await ann.locator('#banner').count(), 0)
})

t.test('a replica is killed while somebody writes: the text stays, is sent, and comes once', async (t) => {
  const { cluster } = await startCluster(t)
  const [ann, bob] = await annAndBob(t, cluster)
  await say(bob, 'hello')
  await shows(ann, 'bob', 'hello')
  const replica = await replicaOf(ann)
  await ann.locator('#text').pressSequentially('half a ')
  await cluster.replica(replica).stop('SIGKILL')
  await ann.locator('#text').pressSequentially('sentence')
  t.equal(await ann.inputValue('#text'), 'half a sentence')
  await ann.press('#text', 'Enter')
  await shows(bob, 'ann', 'half a sentence')
  await isOnline(ann, new RegExp(`as ann via gateway-(?!${replica.at(-1)})`))
  await isOnline(bob, /as bob via/)
  await say(bob, 'I have it')
  await shows(ann, 'bob', 'I have it')
  for (const page of [ann, bob]) t.strictSame(await texts(page), ['hello', 'half a sentence', 'I have it'])
})

t.test('the car that is dragged in one window moves in the other, and both show the replicas', async (t) => {
  const { cluster } = await startCluster(t)
  const ann = await open(t, `${cluster.http}/dashboard`)
  const bob = await open(t, `${cluster.http}/dashboard`)
  for (const page of [ann, bob]) await page.locator('#position', { hasText: /^0$/ }).waitFor()
  const from = (await ann.locator('#car').boundingBox())!
  const before = (await bob.locator('#car').boundingBox())!
  const [x, y] = [from.x + from.width / 2, from.y + from.height / 2]
  await ann.mouse.move(x, y)
  await ann.mouse.down()
  for (let step = 1; step <= 10; step++) await ann.mouse.move(x + step * 20, y)
  await bob.locator('#position', { hasText: /^[1-9]/ }).waitFor()
  await ann.mouse.up()
  await eventually('both show the same', async () => {
    const [here, there] = [await ann.textContent('#position'), await bob.textContent('#position')]
    return here === there && Number(here) > 150
  })
  await eventually('it has moved', async () => Math.abs((await bob.locator('#car').boundingBox())!.x - before.x - 200) < 3)

  for (const page of [ann, bob]) {
    await page.locator('#replicas tbody tr').nth(2).waitFor()
    t.strictSame(await page.locator('#replicas tbody th').allTextContents().then((names) => names.map((name) => name.slice(0, 9))),
      ['gateway-a', 'gateway-b', 'gateway-c'])
    t.match(await page.textContent('#replicas .mine'), await page.textContent('#replica'), 'the one of this tab is marked')
  }
})
