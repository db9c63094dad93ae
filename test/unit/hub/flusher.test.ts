import t from 'tap'
import { Flusher } from '../../../src/hub/flusher.ts'
import type { Frame } from '../../../src/hub/frame.ts'
import { SendQueue } from '../../../src/hub/send-queue.ts'
import { FakeOutlet, FakeTime, turn } from '../fakes.ts'

/** A socket whose writes take their time. */
class SlowOutlet extends FakeOutlet {
  readonly #time: FakeTime
  readonly #writeMs: number

  constructor (time: FakeTime, writeMs: number) {
    super()
    this.#time = time
    this.#writeMs = writeMs
  }

  override write (bytes: Frame, isAwaited: boolean): void {
    super.write(bytes, isAwaited)
    this.#time.pass(this.#writeMs)
  }
}

function restless (time: FakeTime): Flusher {
  return new Flusher(0, () => time.nowMs, () => time.nowMs)
}

/** A member of a crowd of sixteen: the others get the same, and take no time. */
function queueOn (outlet: FakeOutlet, flusher: Flusher, crowd = 15): (text: string) => void {
  const listener = { onFull: () => {}, onDrained: () => {} }
  const others = Array.from({ length: crowd }, () => new SendQueue(new FakeOutlet(), flusher, 100, listener))
  const queue = new SendQueue(outlet, flusher, 100, listener)
  return (text) => { for (const each of [queue, ...others]) each.push(Buffer.from(text)) }
}

t.test('after a flush that took milliseconds, what comes is gathered for as long', async (t) => {
  const time = new FakeTime(t)
  const outlet = new SlowOutlet(time, 6)
  const push = queueOn(outlet, restless(time))
  push('a')
  await turn()
  t.strictSame(outlet.writes.map(String), ['a'], 'alone, a frame leaves at once')
  push('b')
  await turn()
  time.pass(5)
  push('c')
  t.equal(outlet.writes.length, 1)
  time.pass(1)
  t.strictSame(outlet.writes.map(String), ['a', 'bc'])
})

t.test('whoever comes after that rest does not wait', async (t) => {
  const time = new FakeTime(t)
  const outlet = new SlowOutlet(time, 6)
  const push = queueOn(outlet, restless(time))
  push('a')
  await turn()
  time.pass(6)
  push('b')
  await turn()
  t.strictSame(outlet.writes.map(String), ['a', 'b'])
})

t.test('a flush of less than a millisecond is followed by no rest', async (t) => {
  const time = new FakeTime(t)
  const outlet = new SlowOutlet(time, 0.9)
  const push = queueOn(outlet, restless(time))
  for (const text of ['a', 'b']) {
    push(text)
    await turn()
  }
  t.strictSame(outlet.writes.map(String), ['a', 'b'])
})

t.test('few writes are followed by no rest, though others took the processor meanwhile', async (t) => {
  const time = new FakeTime(t)
  const outlet = new SlowOutlet(time, 6)
  const push = queueOn(outlet, restless(time), 14)
  for (const text of ['a', 'b']) {
    push(text)
    await turn()
  }
  t.strictSame(outlet.writes.map(String), ['a', 'b'])
})

t.test('nor is one whose time others took', async (t) => {
  const time = new FakeTime(t)
  const outlet = new SlowOutlet(time, 6)
  const push = queueOn(outlet, new Flusher(0, () => time.nowMs, () => 1))
  for (const text of ['a', 'b']) {
    push(text)
    await turn()
  }
  t.strictSame(outlet.writes.map(String), ['a', 'b'])
})

t.test('no rest is longer than 25 ms', async (t) => {
  const time = new FakeTime(t)
  const outlet = new SlowOutlet(time, 400)
  const push = queueOn(outlet, restless(time))
  push('a')
  await turn()
  push('b')
  time.pass(24)
  t.equal(outlet.writes.length, 1)
  time.pass(1)
  t.equal(outlet.writes.length, 2)
})

t.test('with a while to wait for, a frame waits for it even alone', async (t) => {
  const time = new FakeTime(t)
  const outlet = new FakeOutlet()
  const push = queueOn(outlet, new Flusher(5))
  push('a')
  await turn()
  time.pass(4)
  push('b')
  t.equal(outlet.writes.length, 0)
  time.pass(1)
  t.strictSame(outlet.writes.map(String), ['ab'])
})

t.test('what is to run after a flush runs after it, and at once where nothing is queued', async (t) => {
  const ran: string[] = []
  const outlet = new FakeOutlet()
  const flusher = new Flusher(0, () => 0, () => 0)
  const push = queueOn(outlet, flusher)
  flusher.afterFlush({ onFlushed: () => ran.push('at once') })
  push('a')
  flusher.afterFlush({ onFlushed: () => ran.push(`after ${String(outlet.bytes)}`) })
  t.strictSame(ran, ['at once'])
  await turn()
  t.strictSame(ran, ['at once', 'after a'])
})
