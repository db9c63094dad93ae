import { readdirSync, utimesSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { eventually } from '../../cluster/until.ts'
import { connect } from '../helpers/client.ts'
import { startCluster } from '../helpers/cluster.ts'
import { PNG } from '../helpers/pictures.ts'
import { bearer, SECRET, tokenOf } from '../helpers/tokens.ts'

interface Shared { readonly file: { readonly url: string, readonly bytes: number } }

t.test('files over three replicas behind nginx', async (t) => {
  const dir = t.testdir()
  const { cluster } = await startCluster(t, { FILES_DIR: dir, AUTH_SECRET: SECRET, RATE_HTTP: '0', PRESENCE_LEASE_MS: '500' })
  const { http, ws, replicas } = cluster
  const { headers } = bearer(await tokenOf('ann'))
  const share = async (body: string | Buffer, base = http): Promise<Response> =>
    await fetch(`${base}/rooms/general/files?name=a`, { method: 'POST', body, headers })

  await t.test('one that is shared through nginx is announced on each, and read from each, by a link of any', async (t) => {
    const members = await Promise.all(replicas.map(async (replica) =>
      await connect(t, `${replica.http.replace('http', 'ws')}/ws?join=general`, { headers })))
    for (const member of members) await member.next('joined')
    const { file } = await (await share(PNG)).json() as Shared
    for (const member of members) t.match(await member.next('message'), { from: 'ann', content: { type: 'file', url: file.url } })
    const link = await (await fetch(`${replicas[0]!.http}/rooms/general/files/link`, { headers })).json() as { query: string }
    for (const base of [http, ...replicas.map((replica) => replica.http)]) {
      const answer = await fetch(`${base}${file.url}?${link.query}`)
      t.equal(answer.status, 200)
      t.ok(Buffer.from(await answer.arrayBuffer()).equals(PNG))
    }
    t.equal((await fetch(http + file.url)).status, 401)
  })

  await t.test('nginx lets through what the gateway takes, and the gateway refuses what it does not', async (t) => {
    const answer = await share('x'.repeat(10_000_000))
    t.equal(answer.status, 200)
    const { file } = await answer.json() as Shared
    t.equal((await (await fetch(http + file.url, { headers })).text()).length, 10_000_000)
    const part = await fetch(http + file.url, { headers: { ...headers, range: 'bytes=9999998-' } })
    t.strictSame([part.status, await part.text()], [206, 'xx'])
    const refused = await share('x'.repeat(10_485_761), replicas[0]!.http)
    t.match(await refused.json(), { code: 413, reason: 'too_large', message: 'the file is larger than 10485760 bytes' })
  })

  await t.test('a replica that is killed in the middle leaves a part, which the others sweep', async (t) => {
    const [victim, other] = replicas as [typeof replicas[0], typeof replicas[0]]
    const socket = connectTcp(victim.port, '127.0.0.1')
    socket.on('error', () => {})
    const authorization = headers.authorization
    socket.write(`POST /rooms/general/files HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\ncontent-length: 900000\r\n\r\n`)
    socket.write('x'.repeat(300_000))
    const parts = (): string[] => readdirSync(dir).filter((name) => name.endsWith('.part'))
    await eventually('it is being written', async () => parts().length === 1)
    // `once` would reject where the kernel resets the connection.
    const ended = new Promise((resolve) => { socket.on('close', resolve) })
    await victim.stop('SIGKILL')
    await ended
    t.equal(parts().length, 1)
    const before = new Date(Date.now() - 601_000)
    utimesSync(join(dir, parts()[0]!), before, before)
    // Whoever starts sweeps.
    await other.stop()
    await other.start()
    await eventually('it is swept', async () => parts().length === 0)
    await victim.start()
  })

  await t.test('while Redis is away nothing is taken, and nothing is left', async (t) => {
    const kept = readdirSync(dir).length
    await cluster.redis!.stop()
    const base = replicas[0]!.http
    await eventually('Redis is away', async () => (await fetch(`${base}/readyz`)).status === 503)
    const answer = await share('hello', base)
    t.match(await answer.json(), { code: 503, reason: 'unavailable' })
    t.equal(readdirSync(dir).length, kept)
    t.ok(ws)
  })
})
