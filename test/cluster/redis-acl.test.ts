import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { commandsUsed, findDenied } from '../../src/redis/acl-check.ts'
import { Keys } from '../../src/redis/keys.ts'
import { RedisServer } from '../../cluster/redis.ts'
import { makeTempFolder, removeTempFolder } from '../../cluster/temp-folder.ts'
import { eventually } from '../../cluster/until.ts'
import { connect } from '../helpers/client.ts'
import { type RunningGateway, startGateway, startUnready } from '../helpers/gateway.ts'
import { SECRET, tokenOf } from '../helpers/tokens.ts'
import { WebhookTarget } from '../helpers/webhook-target.ts'

// The user of deploy/redis/users.acl may do what the gateway does, and nothing else.

const USERS = readFileSync(new URL('../../../deploy/redis/users.acl', import.meta.url), 'utf8')
const ALLOWED = [...USERS.matchAll(/ \+([a-z|]+)/g)].map(([, name]) => name!)
// What every user may send, and what the test asks for itself.
const OTHERS = /^(hello|auth|quit|reset|acl|config|client\|setinfo)/

interface Place { readonly url: string, readonly admin: Redis }

async function start (test: Test): Promise<Place> {
  const password = randomBytes(12).toString('hex')
  const folder = await makeTempFolder('acl')
  const file = join(folder, 'users.acl')
  await writeFile(file, `${USERS.replace('CHANGE-ME', password)}user admin on >${password} ~* &* +@all\n`)
  const redis = await RedisServer.start('--aclfile', file)
  const { port } = redis
  const admin = new Redis(`redis://admin:${password}@127.0.0.1:${port}`, { disableClientInfo: true })
  test.teardown(async () => {
    admin.disconnect()
    await redis.stop()
    await removeTempFolder(folder)
  })
  return { url: `redis://tidegate:${password}@127.0.0.1:${port}`, admin }
}

/** The commands that Redis carried out, those in scripts too. */
async function commandsDone (admin: Redis): Promise<string[]> {
  return [...(await admin.info('commandstats')).matchAll(/cmdstat_([a-z|]+):calls=(\d+)/g)]
    .filter(([, name, calls]) => calls !== '0' && !OTHERS.test(name!)).map(([, name]) => name!)
}

/** How often it was asked what this user may do; as long as something is denied, with every ping. */
async function timesAsked (admin: Redis): Promise<number> {
  return Number(/cmdstat_eval:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0)
}

function errorsOf ({ logged }: RunningGateway): unknown[] {
  return logged.map((line) => JSON.parse(line) as { level: number }).filter(({ level }) => level >= 50)
}

t.test('with that user everything works, nothing is denied, and nothing is allowed that is not asked for', async (t) => {
  const { url, admin } = await start(t)
  await admin.config('RESETSTAT')
  const target = await WebhookTarget.start(t)
  const settings = { ...target.settings, REDIS_URL: url, REDIS_DB: '1', AUTH_SECRET: SECRET }
  const gateway = await startGateway(t, settings)
  const token = await tokenOf('ann', { can: ['broadcast', 'move', 'admin'] })
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const ann = await connect(t, gateway.ws, { headers })
  t.match(await ann.ask({ type: 'join', room: 'old' }), { type: 'joined' })
  t.match(await ann.ask({ type: 'leave', room: 'old' }), { type: 'left' })
  const { cursor } = await ann.ask({ type: 'join', room: 'red' })
  for (let n = 1; n <= 3; n++) {
    t.match(await ann.ask({ type: 'message', room: 'red', content: n, key: `k${n}` }), { type: 'ack', seq: n })
    t.match(await ann.next('message'), { content: n })
  }
  t.match(await ann.ask({ type: 'message', room: 'red', content: 3, key: 'k3' }), { type: 'ack', duplicate: true })
  t.match(await ann.ask({ type: 'join', room: 'live:x' }), { type: 'joined' })
  for (const key of [undefined, 'k']) {
    t.match(await ann.ask({ type: 'message', room: 'live:x', content: 'now', key }), { type: 'ack' })
  }
  t.match(await ann.ask({ type: 'broadcast', content: 'all' }), { type: 'ack' })
  t.match(await ann.ask({ type: 'move', delta: 50, key: 'm' }), { type: 'ack', position: 50 })
  t.match(await ann.ask({ type: 'join', room: 'position' }), { type: 'joined', replay: 1 })
  t.match(await ann.ask({ type: 'history', room: 'red' }), { messages: { length: 3 } })
  const moved = await fetch(`${gateway.http}/position`, { method: 'POST', headers, body: '{"delta":1}' })
  t.strictSame([moved.status, await moved.json()], [200, { position: 51 }])
  t.strictSame(await (await fetch(`${gateway.http}/position`, { headers })).json(), { position: 51 })

  // On another replica, whose rings are empty, so that it is read from the log.
  const other = await startGateway(t, { ...settings, REPLICA: 'gw-2' })
  const back = await connect(t, other.ws, { headers })
  t.match(await back.ask({ type: 'join', room: 'red', since: cursor }), { recovered: true, replay: 3 })
  t.match(await back.ask({ type: 'members', room: 'red' }), { members: [{ user: 'ann', connections: 2 }] })
  const rooms = await (await fetch(`${other.http}/rooms`, { headers: { authorization: headers.authorization } })).json()
  t.match(rooms, { rooms: [{ room: 'live:x', members: 1 }, { room: 'position', members: 1 }, { room: 'red', members: 1 }] })
  // What is there without its meta is of no use, and goes.
  await admin.select(1)
  await admin.del('tg:{red}:m')
  t.match(await back.ask({ type: 'message', room: 'red', content: 'anew' }), { type: 'ack', seq: 1 })
  const gone = await fetch(`${other.http}/users/ann/connections`, { method: 'DELETE', headers: { authorization: headers.authorization } })
  t.equal(gone.status, 200)
  t.strictSame((await Promise.all([ann.closed, back.closed])).map(({ code }) => code), [4403, 4403])
  // What it held is given up by the other.
  await other.gateway.stop(0)

  await target.hears('room.vacated live:x')
  await eventually('a room that nobody needs is let go of', async () => (await commandsDone(admin)).includes('unsubscribe'), 15_000)
  t.strictSame((await commandsDone(admin)).sort(), [...ALLOWED].sort())
  t.strictSame(await admin.acl('LOG'), [], 'Redis has denied nothing')
  for (const { logged } of [gateway, other]) t.notMatch(logged.join(''), /NOPERM/)
})

t.test('what is denied is named, whatever it is', async (t) => {
  const { url, admin } = await start(t)
  const user = new Redis(url, { disableClientInfo: true })
  t.teardown(() => user.disconnect())
  const needed = commandsUsed(new Keys('tg:'))
  const names = [...new Set(needed.map(([name]) => name))]
  t.strictSame(names.map((name) => name.toLowerCase()).sort(),
    ALLOWED.filter((name) => !['info', 'select', 'client|setname'].includes(name)).sort())
  t.strictSame(await findDenied(user, needed), [])
  for (const name of names) {
    await admin.acl('SETUSER', 'tidegate', `-${name}`)
    const denied = await findDenied(user, needed)
    t.strictSame([...new Set(denied!.map((each) => each.split(' ')[0]))], [name])
    await admin.acl('SETUSER', 'tidegate', `+${name}`)
  }
  t.match(await findDenied(user, commandsUsed(new Keys('other:'))), ['EVAL'])
  await admin.acl('SETUSER', 'tidegate', 'resetchannels')
  t.strictSame(await findDenied(user, needed), [
    'PUBLISH tg:{$acl}:c', 'PUBLISH tg:probe:$acl', 'SUBSCRIBE tg:{$acl}:c', 'SUBSCRIBE tg:probe:$acl'
  ])
  user.disconnect()
  t.equal(await findDenied(user, needed), undefined, 'who cannot ask does not know')
})

t.test('a gateway whose user may not publish says so once, is not ready, and is as soon as it may', async (t) => {
  const { url, admin } = await start(t)
  await admin.acl('SETUSER', 'tidegate', '-publish')
  const gateway = await startUnready(t, { REDIS_URL: url })
  const problem = 'PUBLISH tg:{$acl}:c, PUBLISH tg:probe:$acl'
  await eventually('it says so', async () => errorsOf(gateway).length > 0)
  const asked = await timesAsked(admin)
  const answer = await fetch(`${gateway.http}/readyz`)
  t.equal(answer.status, 503)
  t.match(await answer.json(), { reason: 'unavailable', message: `the Redis user may not: ${problem}` })
  await eventually('it has asked again, several times', async () => await timesAsked(admin) >= asked + 4)
  t.match(errorsOf(gateway), [{ denied: problem, msg: /^the Redis user may not do all that is needed/ }])
  await admin.acl('SETUSER', 'tidegate', '+publish')
  await eventually('ready', async () => (await fetch(`${gateway.http}/readyz`)).status === 200)
  t.equal(errorsOf(gateway).length, 1)
})

t.test('a user without the right to our channels is told of that, in one line, and not that Redis is away', async (t) => {
  const { url, admin } = await start(t)
  await admin.call('ACL', 'SETUSER', 'tidegate', 'resetchannels', '&other:*')
  const gateway = await startUnready(t, { REDIS_URL: url })
  await eventually('said', async () => errorsOf(gateway).length > 0)
  for (let n = 0; n < 10; n++) {
    const { message } = await (await fetch(`${gateway.http}/readyz`)).json() as { message: string }
    t.match(message, /^the Redis user may not: PUBLISH/)
  }
  const repeated = gateway.logged.filter((line) => line.includes('connecting to Redis anew'))
  t.ok(repeated.length <= 2, `${repeated.length} lines about connecting anew`)
  await admin.call('ACL', 'SETUSER', 'tidegate', '&tg:*')
  await eventually('ready', async () => (await fetch(`${gateway.http}/readyz`)).status === 200)
})

t.test('a user who may not select the database is noticed, and the one that is meant is used as soon as it may', async (t) => {
  const { url, admin } = await start(t)
  await admin.acl('SETUSER', 'tidegate', '-select')
  const gateway = await startUnready(t, { REDIS_URL: url, REDIS_DB: '1' })
  await eventually('it says so', async () => errorsOf(gateway).length > 0)
  t.match(errorsOf(gateway), [{ denied: 'SELECT 1' }])
  t.equal((await fetch(`${gateway.http}/readyz`)).status, 503)
  const headers = { 'content-type': 'application/json' }
  const move = await fetch(`${gateway.http}/position`, { method: 'POST', headers, body: '{"delta":7}' })
  t.equal(move.status, 503, 'nothing is done in another database')
  t.strictSame(await admin.keys('*'), [])
  await admin.acl('SETUSER', 'tidegate', '+select')
  await eventually('ready', async () => (await fetch(`${gateway.http}/readyz`)).status === 200)
  const ann = await connect(t, gateway.ws)
  t.match(await ann.ask({ type: 'move', delta: 7 }), { type: 'ack' })
  await admin.select(1)
  t.equal(await admin.get('tg:{position}:counter'), '7')
})
