import t, { type Test } from 'tap'
import { Probe, type ProbeLine } from '../../../src/broker/probe.ts'
import { BrokerError } from '../../../src/protocol/codes.ts'
import { FakeTime, turn } from '../fakes.ts'

class FakeLine implements ProbeLine {
  readonly sent: string[] = []
  rebuilt = 0
  up = true
  isRefusing = false
  readonly isUp = (): boolean => this.up

  async send (text: string): Promise<void> {
    if (this.isRefusing) throw new BrokerError('unavailable')
    this.sent.push(text)
  }

  rebuild (): void {
    this.rebuilt++
  }
}

function world (test: Test) {
  const time = new FakeTime(test)
  const line = new FakeLine()
  const probe = new Probe(line)
  probe.start()
  const pass = async (ms: number): Promise<void> => {
    time.pass(ms)
    await turn()
  }
  /** One probe, and the judgement on it. */
  const round = async (isHeard: boolean, waitMs = 5_000): Promise<void> => {
    await pass(waitMs)
    if (isHeard) probe.heard(line.sent.at(-1)!)
    await pass(2_000)
  }
  return { time, line, probe, pass, round }
}

t.test('every 5 s after the last one was judged this replica speaks to itself; what is heard is well', async (t) => {
  const { line, round, pass } = world(t)
  await pass(4_999)
  t.strictSame(line.sent, [])
  await round(true, 1)
  for (let n = 0; n < 3; n++) await round(true)
  t.strictSame(line.sent, ['1', '2', '3', '4'])
  t.equal(line.rebuilt, 0)
})

t.test('unheard twice, the second time at once, the subscriber is rebuilt; once is chance', async (t) => {
  const { line, probe, pass, round } = world(t)
  await round(false)
  t.strictSame(line.sent, ['1', '2'], 'asked again at once')
  probe.heard('2')
  await pass(2_000)
  t.equal(line.rebuilt, 0)
  await round(false)
  await pass(2_000)
  t.equal(line.rebuilt, 1)
})

t.test('a probe that comes late is a sign of life all the same; one from before the rebuilding is none', async (t) => {
  const { line, probe, round, pass } = world(t)
  await round(false)
  probe.heard('1')
  await pass(2_000)
  t.equal(line.rebuilt, 0)
  await round(false)
  await pass(2_000)
  t.equal(line.rebuilt, 1)
  await pass(10_000)
  probe.heard('3')
  await pass(2_000)
  await pass(2_000)
  t.equal(line.rebuilt, 2)
  probe.heard('x')
})

t.test('where connecting anew does not help, it is done ever less often, and as before once it has helped', async (t) => {
  const { line, round, pass } = world(t)
  for (const [index, waitMs] of [5_000, 10_000, 20_000, 40_000, 40_000].entries()) {
    await round(false, waitMs)
    t.equal(line.rebuilt, index)
    await pass(2_000)
    t.equal(line.rebuilt, index + 1, `after ${waitMs} ms`)
  }
  await round(true, 40_000)
  await round(false, 5_000)
  await pass(2_000)
  t.equal(line.rebuilt, 6)
})

t.test('while Redis is away nothing is probed, and nothing that is unheard counts', async (t) => {
  const { line, round, pass } = world(t)
  line.up = false
  await pass(5_000)
  t.strictSame(line.sent, [])
  line.up = true
  line.isRefusing = true
  await pass(5_000)
  line.isRefusing = false
  await round(false)
  line.up = false
  await pass(2_000)
  t.equal(line.rebuilt, 0, 'gone before it was judged')
})

t.test('a probe that is stopped does nothing more, in whichever state', async (t) => {
  const first = world(t)
  first.probe.stop()
  t.equal(first.time.timers, 0)
  const { probe, pass, line, time } = first
  probe.start()
  time.pass(5_000)
  probe.stop()
  await turn()
  t.equal(time.timers, 0, 'while it sends')
  probe.start()
  await pass(5_000)
  probe.stop()
  t.equal(time.timers, 0, 'while it waits')
  t.equal(line.rebuilt, 0)
})

t.test('its age is the time since it was last heard', async (t) => {
  const { probe, pass, line } = world(t)
  await pass(5_000)
  t.equal(probe.ageMs, 5_000)
  probe.heard('0')
  t.equal(probe.ageMs, 5_000, 'that was none of its own')
  probe.heard(line.sent.at(-1)!)
  t.equal(probe.ageMs, 0)
  await pass(1_000)
  t.equal(probe.ageMs, 1_000)
})
