import t, { type Test } from 'tap'
import { LocalPresence } from '../../../src/presence/local.ts'
import type { Holding, Members, Presence, RoomPage } from '../../../src/presence/presence.ts'
import { BrokerError } from '../../../src/protocol/codes.ts'
import { FakeTime, turn } from '../fakes.ts'

type Stored = (stored: ReadonlyArray<Pick<Holding, 'room' | 'user'>>) => void

/** Remembers what is put, as text. */
class FakePresence implements Presence {
  readonly puts: string[][] = []
  isAway = false
  reads = 0
  countOf: number | undefined
  stoppedMs: number | undefined
  onLost = (): void => {}
  onStored: Stored = () => {}

  start (onLost: () => void, onStored: Stored = () => {}): void {
    this.onLost = onLost
    this.onStored = onStored
  }

  async put (holdings: readonly Holding[]): Promise<void> {
    if (this.isAway) throw new BrokerError('unavailable')
    this.puts.push(holdings.map(({ room, user, connections }) => `${room}/${user}:${connections}`))
  }

  async members (): Promise<Members> {
    this.reads++
    if (this.isAway) throw new BrokerError('unavailable')
    return { count: this.countOf ?? this.puts.length, members: [] }
  }

  async rooms (): Promise<RoomPage> {
    return { rooms: [], more: false }
  }

  async stop (graceMs: number): Promise<void> {
    this.stoppedMs = graceMs
  }
}

function open (t: Test): { store: FakePresence, local: LocalPresence, time: FakeTime } {
  const time = new FakeTime(t)
  const store = new FakePresence()
  const local = new LocalPresence(store, 3_000)
  local.start()
  return { store, local, time }
}

t.test('what changes in one turn is put at once, as it is at the end of the turn', async (t) => {
  const { store, local } = open(t)
  local.enter('red', { user: 'ann' })
  local.enter('red', { user: 'ann' })
  local.enter('blue', { user: 'ann' })
  local.enter('red', { user: 'bob' })
  local.leave('red', 'bob', false)
  t.strictSame(store.puts, [])
  await turn()
  t.strictSame(store.puts, [['red/ann:2', 'blue/ann:1', 'red/bob:undefined']])
  t.equal(local.size, 2)
})

t.test('soon after that it is gathered, the longer the more there was', async (t) => {
  const { store, local, time } = open(t)
  for (let n = 0; n < 5; n++) local.enter('red', { user: `u${n}` })
  await turn()
  local.enter('red', { user: 'ann' })
  time.pass(49)
  await turn()
  t.equal(store.puts.length, 1)
  time.pass(1)
  await turn()
  t.strictSame(store.puts[1], ['red/ann:1'])
})

t.test('but not where somebody asks', async (t) => {
  const { store, local } = open(t)
  for (let n = 0; n < 100; n++) local.enter('red', { user: `u${n}` })
  await turn()
  local.enter('red', { user: 'ann' })
  t.match(await local.members('red'), { count: 2 })
  t.strictSame(store.puts[1], ['red/ann:1'])
})

t.test('who asks waits for what has changed until then, and not for those who come and go all the time', async (t) => {
  const { store, local } = open(t)
  const put = store.put.bind(store)
  let visitors = 0
  store.put = async (holdings) => {
    await turn()
    local.enter('blue', { user: `v${visitors++}` })
    await put(holdings)
  }
  local.enter('blue', { user: 'eve' })
  await turn()
  local.enter('red', { user: 'ann' })
  const answer = await Promise.race([local.members('red'), (async () => { for (let n = 0; n < 50; n++) await turn() })()])
  t.match(answer, { list: '[]' }, 'it is answered')
  t.ok(store.puts.flat().includes('red/ann:1'), 'and with what had changed')
  await local.stop()
})

t.test('who asks when all has been put is answered at once', async (t) => {
  const { local } = open(t)
  local.enter('red', { user: 'ann' })
  await turn()
  await turn()
  const answer = await Promise.race([local.members('red'), turn().then(turn)])
  t.match(answer, { count: 1 })
})

t.test('who asks while Redis is away is told so at once, and nothing waits for it to be back', async (t) => {
  const { store, local, time } = open(t)
  store.isAway = true
  local.enter('red', { user: 'ann' })
  await turn()
  await turn()
  const outcome = local.members('red').then(() => 'answered', () => 'refused')
  t.equal(await Promise.race([outcome, turn().then(turn)]), 'refused')
  t.equal(time.timers, 1, 'the next try')
})

t.test('who is in a room is read once for all who ask at the same time; a large room not again at once', async (t) => {
  const { store, local } = open(t)
  // What the rest waits for does not keep a process alive.
  const awake = setInterval(() => {}, 1_000)
  t.teardown(() => clearInterval(awake))
  store.countOf = 5_000
  await Promise.all(Array.from({ length: 50 }, () => local.members('red')))
  t.equal(store.reads, 1)
  const begun = process.hrtime.bigint()
  await Promise.all(Array.from({ length: 50 }, () => local.members('red')))
  t.equal(store.reads, 2)
  t.ok(process.hrtime.bigint() - begun > 50_000_000n)
})

t.test('what is stored under our lease, and is not here, is put as gone', async (t) => {
  const { store, local, time } = open(t)
  local.enter('red', { user: 'ann' })
  await turn()
  time.pass(1_000)
  await turn()
  store.onStored([{ room: 'red', user: 'ann' }, { room: 'red', user: 'bob' }, { room: 'blue', user: undefined }])
  await turn()
  t.strictSame(store.puts.slice(1), [['red/bob:undefined', 'blue/undefined:undefined']])
})

t.test('a user who was cut off stays for the grace, without a connection; who asks to leave goes at once', async (t) => {
  const { store, local, time } = open(t)
  for (const user of ['ann', 'bob', 'carl']) local.enter('red', { user })
  await turn()
  time.pass(1_000)
  local.leave('red', 'ann', true)
  local.leave('red', 'bob', false)
  local.leave('red', 'carl', true)
  await turn()
  await turn()
  t.strictSame(store.puts[1], ['red/ann:0', 'red/bob:undefined', 'red/carl:0'])
  time.pass(2_999)
  local.enter('red', { user: 'ann' })
  await turn()
  await turn()
  time.pass(1)
  await turn()
  await turn()
  time.pass(1_000)
  await turn()
  t.strictSame(store.puts.slice(2).flat(), ['red/ann:1', 'red/carl:undefined'])
  time.pass(10_000)
  t.equal(local.size, 1)
})

t.test('who comes back and is cut off again is given up later, and holds up nobody', async (t) => {
  const { store, local, time } = open(t)
  for (const user of ['ann', 'bob']) local.enter('red', { user })
  await turn()
  for (const user of ['ann', 'bob']) local.leave('red', user, true)
  time.pass(2_000)
  local.enter('red', { user: 'ann' })
  local.leave('red', 'ann', true)
  time.pass(1_000)
  t.equal(local.size, 1, 'bob has gone in his time')
  time.pass(1_999)
  t.equal(local.size, 1)
  time.pass(1)
  t.equal(local.size, 0)
  await turn()
  t.match(store.puts.flat(), ['red/ann:1', 'red/bob:1'])
})

t.test('a last tab that is closed while another is open changes a number, and nothing else', async (t) => {
  const { store, local, time } = open(t)
  local.enter('red', { user: 'ann' })
  local.enter('red', { user: 'ann' })
  local.leave('red', 'ann', false)
  await turn()
  time.pass(10_000)
  await turn()
  t.strictSame(store.puts, [['red/ann:1']])
})

t.test('while Redis is away it is remembered, and put when Redis is back, as it is then', async (t) => {
  const { store, local, time } = open(t)
  store.isAway = true
  local.enter('red', { user: 'ann' })
  await turn()
  await turn()
  local.enter('red', { user: 'bob' })
  local.leave('red', 'ann', false)
  store.isAway = false
  time.pass(500)
  await turn()
  t.strictSame(store.puts.map((put) => put.toSorted()), [['red/ann:undefined', 'red/bob:1']])
})

t.test('where the lease was lost everything is put again', async (t) => {
  const { store, local, time } = open(t)
  local.enter('red', { user: 'ann' })
  local.enter('blue', { user: undefined })
  await turn()
  time.pass(1_000)
  await turn()
  store.onLost()
  await turn()
  t.strictSame(store.puts[1], store.puts[0])
})

t.test('no more than 128 at once, and in a turn of the loop', async (t) => {
  const { store, local, time } = open(t)
  for (let n = 0; n < 600; n++) local.enter('red', { user: `u${n}` })
  for (let turns = 1; turns <= 6; turns++) {
    await turn()
    t.ok(store.puts.length <= turns, 'turns')
  }
  t.strictSame(store.puts.map(({ length }) => length), [128, 128, 128, 128, 88])
  time.pass(1_000)
})

t.test('at the end nothing is put any more, and no timer is left', async (t) => {
  const { store, local, time } = open(t)
  local.enter('red', { user: 'ann' })
  await turn()
  time.pass(1_000)
  await turn()
  local.leave('red', 'ann', true)
  await local.stop()
  await turn()
  t.equal(store.puts.length, 1)
  t.equal(store.stoppedMs, 3_000)
  t.equal(time.timers, 0)
})
