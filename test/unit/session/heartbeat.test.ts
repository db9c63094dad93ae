import t from 'tap'
import { Heartbeat } from '../../../src/session/heartbeat.ts'

const INTERVAL_MS = 1_000

/** A heartbeat whose time passes by half intervals, and one connection. */
function world () {
  let nowMs = 50_000
  const heartbeat = new Heartbeat(INTERVAL_MS, () => nowMs)
  const events: string[] = []
  const patient = {
    heardMs: nowMs,
    ping: () => { events.push('ping') },
    onSilence: () => { events.push('silence') }
  }
  heartbeat.add(patient)
  const pass = (ms: number): void => {
    nowMs += ms
    heartbeat.check()
  }
  const halves = (count: number): void => {
    for (let n = 0; n < count; n++) pass(INTERVAL_MS / 2)
  }
  // The first check only tells what time it is.
  heartbeat.check()
  events.length = 0
  return { heartbeat, events, patient, pass, halves, hear: () => { patient.heardMs = nowMs } }
}

t.test('a connection is pinged once an interval', (t) => {
  const { events, halves, hear } = world()
  for (let n = 0; n < 6; n++) {
    hear()
    halves(1)
  }
  t.strictSame(events, ['ping', 'ping', 'ping'])
  t.end()
})

t.test('silence of two and a half intervals is waited for, and not a moment more than half an interval longer', (t) => {
  const { events, halves } = world()
  halves(5)
  t.notOk(events.includes('silence'))
  halves(1)
  t.strictSame(events.slice(-1), ['silence'])
  t.end()
})

t.test('a connection that is heard from is not given up', (t) => {
  const { events, halves, hear } = world()
  for (let n = 0; n < 10; n++) {
    halves(4)
    hear()
  }
  t.notOk(events.includes('silence'))
  t.end()
})

t.test('a connection that is given up is not pinged as well', (t) => {
  const { events, halves } = world()
  halves(5)
  events.length = 0
  halves(4)
  t.strictSame(events, ['silence', 'silence', 'silence', 'silence'])
  t.end()
})

t.test('B15 where the process itself stood still nobody is given up before they could be heard', (t) => {
  const { events, pass, halves } = world()
  pass(60 * INTERVAL_MS)
  t.notOk(events.includes('silence'))
  halves(1)
  t.ok(events.includes('silence'))
  t.end()
})

t.test('a check that comes half an interval late is no standstill', (t) => {
  const { events, pass } = world()
  for (let n = 0; n < 3; n++) pass(INTERVAL_MS)
  t.equal(events.at(-1), 'silence')
  t.end()
})

t.test('a connection that was removed is left alone', (t) => {
  const { heartbeat, events, patient, halves } = world()
  heartbeat.remove(patient)
  halves(10)
  t.strictSame(events, [])
  t.end()
})

t.test('a connection may remove itself when it is given up', (t) => {
  const { heartbeat, events, patient, halves } = world()
  patient.onSilence = () => {
    events.push('silence')
    heartbeat.remove(patient)
  }
  halves(10)
  t.equal(events.filter((event) => event === 'silence').length, 1)
  t.end()
})

t.test('it has not stood still before it was started', (t) => {
  t.capture(globalThis, 'setInterval', (() => ({})) as unknown as typeof setInterval)
  let nowMs = 50_000
  let silences = 0
  const heartbeat = new Heartbeat(INTERVAL_MS, () => nowMs)
  heartbeat.add({ heardMs: 0, ping: () => {}, onSilence: () => { silences++ } })
  heartbeat.start()
  nowMs += INTERVAL_MS / 2
  heartbeat.check()
  t.equal(silences, 1)
  t.end()
})

t.test('it checks every half interval until it is stopped', (t) => {
  const timer = {} as NodeJS.Timeout
  const started = t.capture(globalThis, 'setInterval', (() => timer) as unknown as typeof setInterval)
  const stopped = t.capture(globalThis, 'clearInterval', () => {})
  const heartbeat = new Heartbeat(INTERVAL_MS, () => 0)
  heartbeat.start()
  t.equal(started()[0]?.args[1], INTERVAL_MS / 2)
  heartbeat.stop()
  t.equal(stopped()[0]?.args[0], timer)
  t.end()
})

t.test('an interval of 0 is no heartbeat', (t) => {
  const started = t.capture(globalThis, 'setInterval', (() => ({})) as unknown as typeof setInterval)
  new Heartbeat(0, () => 0).start()
  t.equal(started().length, 0)
  t.end()
})
