import { once } from 'node:events'
import { createConnection } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { rawFrame, RawSocket, upgradeHead } from '../../bench/floods/raw-socket.ts'
import { eventually } from '../../cluster/until.ts'
import { connect, isLetIn } from '../helpers/client.ts'
import { figuresOf } from '../helpers/metrics.ts'
import { GatewayProcess } from '../helpers/process.ts'

t.setTimeout(120_000)

const ROOMS = 60
const join = (n: number, room: number): Buffer => rawFrame(`{"type":"join","room":"r-${n}-${room}"}`)

const OPEN = { PORT: '0', MAX_CONNECTIONS_PER_ADDRESS: '0', RATE_CONNECTIONS: '0', RATE_HTTP: '0', MAX_LOOP_DELAY_MS: '0' }

interface Upgraded { readonly held: RawSocket[], readonly statuses: Record<string, number> }

/** Upgrades, a few at a time; those that were let in are held. */
async function upgrades (port: number, count: number): Promise<Upgraded> {
  const held: RawSocket[] = []
  const statuses: Record<string, number> = {}
  let left = count
  await Promise.all(Array.from({ length: 8 }, async () => {
    while (left-- > 0) {
      const raw = new RawSocket(port)
      raw.socket.write(upgradeHead('/ws'))
      const { status = 'none' } = await raw.until((said) => said.status !== undefined)
      statuses[status] = (statuses[status] ?? 0) + 1
      if (status === 101) held.push(raw)
      else await raw.ended
    }
  }))
  return { held, statuses }
}

t.test('C9 with 256 files it lets in as many as fit, tells the others 503, and takes new ones when they have gone', async (t) => {
  const gateway = new GatewayProcess(t, OPEN, 'ulimit -n 256')
  const { http, ws } = await gateway.ready()
  const port = Number(new URL(http).port)
  const other = await connect(t, ws)
  const { held, statuses } = await upgrades(port, 400)
  t.strictSame(statuses, { 101: 191, 503: 209 })
  // And those who never ask for an upgrade find an end, too: the last files are not for them.
  const idle = Array.from({ length: 200 }, () => createConnection({ port, host: '127.0.0.1' }).on('error', () => {}))
  t.teardown(() => { for (const socket of idle) socket.destroy() })
  await Promise.race(idle.map((socket) => once(socket, 'close')))
  t.match(await other.ask({ type: 'ping' }), { type: 'pong' }, 'who is there is served')
  for (const socket of idle) socket.destroy()
  for (const { socket } of held) socket.destroy()
  await eventually('others are let in', async () => await isLetIn(ws).catch(() => false))
  t.equal((await fetch(`${http}/readyz`)).status, 200)
  t.equal((await upgrades(port, 191)).statuses['101'], 191, 'and as many as before')
  t.match(gateway.stdout, /limit of open files/)
  t.match(gateway.stdout, /"problem":"this replica is full","times":1,"msg":"connections are refused"/)
  t.match(gateway.stdout, /"problem":"no more files may be open \(ulimit -n\)","times":1,"msg":"connections are ended"/)
  t.notMatch(gateway.stdout, /EMFILE|"level":(50|60)/)
  t.equal(gateway.stderr, '')
})

t.test('C10 with a heap of 96 MB under rooms without number it sheds with 503 and 4503, and recovers', async (t) => {
  const gateway = new GatewayProcess(t, {
    ...OPEN, RATE_REQUESTS: '0', NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --max-old-space-size=96`
  })
  const { http, ws } = await gateway.ready()
  const port = Number(new URL(http).port)
  const crowd: RawSocket[] = []
  t.teardown(() => { for (const { socket } of crowd) socket.destroy() })
  let refusedWith: number | undefined
  // Each in rooms of its own.
  for (let n = 0; n < 1_500 && refusedWith === undefined; n++) {
    const raw = new RawSocket(port)
    raw.socket.write(upgradeHead('/ws'))
    const { status } = await raw.until((said) => said.status !== undefined)
    if (status !== 101) refusedWith = status
    else {
      crowd.push(raw)
      for (let room = 0; room < ROOMS; room++) raw.socket.write(join(n, room))
    }
  }
  const figures = await figuresOf(http)
  t.comment(`${crowd.length} connections were let in, with ${figures.get('rooms')} rooms: ` +
    `${figures.get('heap_used_ratio')!.toFixed(2)} of its memory`)
  t.equal(refusedWith, 503)
  t.equal((await fetch(`${http}/readyz`)).status, 503)
  // Those who are there go on, one after the other, until somebody has to go.
  const shed = { isSeen: false }
  for (const raw of crowd) {
    void raw.until(({ code }) => code === 4503).then(({ code }) => { shed.isSeen ||= code === 4503 })
  }
  for (let n = 0; n < crowd.length && !shed.isSeen; n++) {
    for (let room = ROOMS; room < 2 * ROOMS; room++) crowd[n]!.socket.write(join(n, room))
    await delay(30)
  }
  await eventually('somebody is told to come again', async () => shed.isSeen, 10_000)
  for (const { socket } of crowd) socket.destroy()
  await eventually('there is room again', async () => await isLetIn(ws).catch(() => false), 40_000)
  const other = await connect(t, ws)
  t.match(await other.ask({ type: 'ping' }), { type: 'pong' })
  t.match(gateway.stdout, /"problem":"this replica is short of memory"/)
  t.match(gateway.stdout, /"msg":"short of memory: those who hold most are ended with 4503"/)
  t.notMatch(gateway.stdout, /"level":(50|60)/)
  t.equal(gateway.stderr, '')
})
