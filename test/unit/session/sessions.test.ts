import { mock } from 'node:test'
import t from 'tap'
import { type Retiring, Sessions } from '../../../src/session/sessions.ts'
import { turn } from '../fakes.ts'

/** A connection that remembers what was asked of it. */
class Guest implements Retiring {
  readonly identity: { readonly user: string }
  readonly slots: number[] = []
  readonly closes: string[] = []
  terminated = 0
  onTerminate = (): void => {}
  constructor (user = 'ann') { this.identity = { user } }
  retire (afterMs: number): void { this.slots.push(afterMs) }
  close (name: 'disconnected'): void { this.closes.push(name) }
  terminate (): void {
    this.terminated++
    this.onTerminate()
  }
}

function guests (sessions: Sessions, count: number): Guest[] {
  return Array.from({ length: count }, () => {
    const guest = new Guest()
    sessions.add(guest)
    return guest
  })
}

t.test('slots are spread evenly over the window', async (t) => {
  const sessions = new Sessions(Infinity, () => 0)
  const all = guests(sessions, 5)
  const drained = sessions.drain(1_000)
  t.strictSame(all.map(({ slots }) => slots), [[0], [200], [400], [600], [800]])
  for (const guest of all) sessions.delete(guest)
  await drained
})

t.test('a user is disconnected on every connection, and nobody else is', async (t) => {
  const sessions = new Sessions(Infinity, () => 0)
  const [ann, bob, annAgain] = [new Guest('ann'), new Guest('bob'), new Guest('ann')]
  for (const guest of [ann, bob, annAgain]) sessions.add(guest)
  sessions.disconnect('ann')
  t.strictSame([ann, bob, annAgain].map(({ closes }) => closes), [['disconnected'], [], ['disconnected']])
})

t.test('with nobody there a drain is over at once', async (t) => {
  let isOver = false
  void new Sessions(Infinity, () => 0).drain(3_600_000).then(() => { isOver = true })
  await turn()
  t.ok(isOver)
})

t.test('it ends when the last has gone, whenever that is', async (t) => {
  const sessions = new Sessions(Infinity, () => 0)
  const [ann, bob] = guests(sessions, 2)
  let isOver = false
  const drained = sessions.drain(3_600_000).then(() => { isOver = true })
  sessions.delete(ann!)
  await new Promise(setImmediate)
  t.notOk(isOver)
  sessions.delete(bob!)
  await drained
})

t.test('who came in while it began is sent away too', async (t) => {
  const sessions = new Sessions(Infinity, () => 0)
  const [ann] = guests(sessions, 1)
  const drained = sessions.drain(1_000)
  const [late] = guests(sessions, 1)
  t.strictSame(late!.slots, [0])
  sessions.delete(ann!)
  sessions.delete(late!)
  await drained
})

t.test('clients that never answer are ended 3.5 s after the window', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const sessions = new Sessions(Infinity, () => 0)
  const [mute] = guests(sessions, 1)
  mute!.onTerminate = () => sessions.delete(mute!)
  const drained = sessions.drain(1_000)
  mock.timers.tick(4_499)
  t.equal(mute!.terminated, 0)
  mock.timers.tick(1)
  t.equal(mute!.terminated, 1)
  await drained
})

t.test('connections are sent to come anew at their age, 20 % more or less, and not all at once', (t) => {
  let nowMs = 0
  const sessions = new Sessions(1_000, () => nowMs)
  const all = guests(sessions, 200)
  const told = (): number => all.filter(({ slots }) => slots.length > 0).length
  sessions.check()
  nowMs = 799
  sessions.check()
  t.equal(told(), 0)
  nowMs = 1_000
  sessions.check()
  t.ok(told() > 50 && told() < 150, `${told()} of 200 at the age itself`)
  nowMs = 1_200
  sessions.check()
  t.equal(told(), 200)
  t.ok(all.every(({ slots }) => slots.every((afterMs) => afterMs === 0)))
  t.end()
})

t.test('without an age nobody is', (t) => {
  const sessions = new Sessions(Infinity, () => Number.MAX_VALUE)
  const [ann] = guests(sessions, 1)
  sessions.check()
  t.strictSame(ann!.slots, [])
  t.end()
})
