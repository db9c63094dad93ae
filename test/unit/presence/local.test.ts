import t, { type Test } from 'tap'
import { LocalPresence } from '../../../src/presence/local.ts'
import type { Holding, Members, Presence, RoomPage } from '../../../src/presence/presence.ts'
import { BrokerError } from '../../../src/protocol/codes.ts'
import { Deferred, FakeTime, turn } from '../fakes.ts'

/** Remembers what is put, as text. */
class FakePresence implements Presence {
  readonly puts: string[][] = []
  isAway = false
  stoppedMs: number | undefined
  onLost = (): void => {}

  start (onLost: () => void): void {
    this.onLost = onLost
  }

  async put (holdings: readonly Holding[]): Promise<void> {
    if (this.isAway) throw new BrokerError('unavailable')
    this.puts.push(holdings.map(({ room, user, connections }) => `${room}/${user}:${connections}`))
  }

  asked = 0
  answer = Promise.resolve()

  async members (): Promise<Members> {
    this.asked++
    await this.answer
    return { count: this.puts.length, members: [] }
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
  t.strictSame(store.puts, [['red/ann:2', 'red/bob:undefined', 'blue/ann:1']])
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

t.test('where all has been put already, who asks is answered at once', async (t) => {
  const { store, local } = open(t)
  for (let n = 0; n < 100; n++) local.enter('red', { user: `u${n}` })
  await turn()
  let isAnswered = false
  void local.members('red').then(() => { isAnswered = true })
  await turn()
  t.ok(isAnswered)
  t.equal(store.puts.length, 1)
})

t.test('those who ask while a room is read share the next read, each room its own', async (t) => {
  const { store, local } = open(t)
  const held = new Deferred()
  store.answer = held.promise
  const answers = [local.members('red')]
  await turn()
  for (let n = 0; n < 5; n++) answers.push(local.members('red'))
  answers.push(local.members('blue'))
  await turn()
  t.equal(store.asked, 2)
  held.resolve()
  await Promise.all(answers)
  t.equal(store.asked, 3)
  await local.members('red')
  t.equal(store.asked, 4)
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
  t.equal(local.size, 1, 'who is not told of does not count')
  await turn()
  time.pass(1_000)
  await turn()
  store.onLost()
  await turn()
  t.strictSame(store.puts[1], store.puts[0])
})

t.test('no more than 512 at once', async (t) => {
  const { store, local, time } = open(t)
  for (let n = 0; n < 600; n++) local.enter('red', { user: `u${n}` })
  await turn()
  await turn()
  t.strictSame(store.puts.map(({ length }) => length), [512, 88])
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
