import t from 'tap'
import { SlowMessages } from '../../../src/session/slow-messages.ts'

function world () {
  let nowMs = 0
  const talker = { isMidMessage: true, messages: 0, ended: 0, onDrip: () => { talker.ended++ } }
  const slow = new SlowMessages(() => [talker], () => nowMs)
  return {
    talker,
    slow,
    pass: (seconds: number) => {
      for (let n = 0; n < seconds; n++) {
        slow.check()
        nowMs += 1_000
      }
    }
  }
}

t.test('D13 a message that has not come whole after 10 s ends its connection', (t) => {
  const { talker, slow, pass } = world()
  pass(10)
  t.equal(talker.ended, 0)
  t.equal(slow.size, 1)
  pass(1)
  t.equal(talker.ended, 1)
  t.equal(slow.size, 0)
  t.end()
})

t.test('who is always found in the middle of one, but of another each time, is none such', (t) => {
  const { talker, pass } = world()
  for (let n = 0; n < 10; n++) {
    pass(8)
    talker.messages++
  }
  t.equal(talker.ended, 0)
  t.end()
})

t.test('and who was between two messages begins anew', (t) => {
  const { talker, slow, pass } = world()
  pass(8)
  talker.isMidMessage = false
  pass(1)
  t.equal(slow.size, 0)
  talker.isMidMessage = true
  pass(8)
  t.equal(talker.ended, 0)
  t.end()
})
