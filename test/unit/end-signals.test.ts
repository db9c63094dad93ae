import { EventEmitter } from 'node:events'
import { mock } from 'node:test'
import t from 'tap'
import { onEndSignals } from '../../src/end-signals.ts'

/** A process whose time passes by hand, and what its signals did. */
function world (): { emitter: EventEmitter, did: string[], pass: (ms: number) => void, end: () => void } {
  let nowMs = 0
  const clock = mock.method(performance, 'now', () => nowMs)
  const emitter = new EventEmitter()
  const did: string[] = []
  onEndSignals(emitter, ['SIGTERM', 'SIGINT'], (signal) => { did.push(signal) }, () => { did.push('now') })
  return { emitter, did, pass: (ms) => { nowMs += ms }, end: () => clock.mock.restore() }
}

t.test('the first signal begins the end, a second one means now', async (t) => {
  for (const [first, second] of [['SIGTERM', 'SIGTERM'], ['SIGINT', 'SIGTERM']] as const) {
    const { emitter, did, end } = world()
    emitter.emit(first)
    emitter.emit(second)
    end()
    t.strictSame(did, [first, 'now'])
  }
})

t.test('a Ctrl-C that npm passes on once more is the same one; later it is another', async (t) => {
  const { emitter, did, pass, end } = world()
  emitter.emit('SIGINT')
  pass(250)
  emitter.emit('SIGINT')
  t.strictSame(did, ['SIGINT'])
  pass(1)
  emitter.emit('SIGINT')
  end()
  t.strictSame(did, ['SIGINT', 'now'])
})
