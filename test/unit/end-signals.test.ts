import { EventEmitter } from 'node:events'
import { mock } from 'node:test'
import t from 'tap'
import { onEndSignals } from '../../src/end-signals.ts'

/** A process whose time passes by hand, and what its signals did. */
function world (isUnderNpm: boolean) {
  let nowMs = 0
  const clock = mock.method(performance, 'now', () => nowMs)
  const emitter = new EventEmitter()
  const did: string[] = []
  onEndSignals(emitter, {
    signals: ['SIGTERM', 'SIGINT'],
    isUnderNpm,
    begin: (signal) => { did.push(signal) },
    endNow: () => { did.push('now') }
  })
  return { emitter, did, pass: (ms: number) => { nowMs += ms }, end: () => clock.mock.restore() }
}

t.test('the first signal begins the end, a second one means now', async (t) => {
  for (const [first, second] of [['SIGTERM', 'SIGTERM'], ['SIGINT', 'SIGINT'], ['SIGINT', 'SIGTERM']] as const) {
    const { emitter, did, end } = world(false)
    emitter.emit(first)
    emitter.emit(second)
    end()
    t.strictSame(did, [first, 'now'])
  }
})

t.test('a signal that npm passes on once more is the same one; later, or another, it means now', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const { emitter, did, pass, end } = world(true)
    emitter.emit(signal)
    pass(250)
    emitter.emit(signal)
    t.strictSame(did, [signal])
    pass(1)
    emitter.emit(signal)
    end()
    t.strictSame(did, [signal, 'now'])
  }
  const { emitter, did, end } = world(true)
  emitter.emit('SIGINT')
  emitter.emit('SIGTERM')
  end()
  t.strictSame(did, ['SIGINT', 'now'])
})
