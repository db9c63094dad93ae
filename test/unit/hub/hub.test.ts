import t from 'tap'
import { Hub } from '../../../src/hub/hub.ts'

const NO_BACKLOG = { after: async () => await Promise.reject(new Error('not asked for')) }

t.test('a room that is open is found by its name, and by no other', (t) => {
  const hub = new Hub()
  const room = hub.open('general', 'log', NO_BACKLOG)
  t.equal(hub.get('general'), room)
  t.equal(hub.get('constructor'), undefined)
  t.equal(hub.size, 1)
  t.end()
})

t.test('a room that is open cannot be opened again before it is closed', (t) => {
  const hub = new Hub()
  const room = hub.open('general', 'log', NO_BACKLOG)
  t.throws(() => hub.open('general', 'log', NO_BACKLOG), { message: 'room general is open already' })
  hub.close('general')
  t.equal(hub.get('general'), undefined)
  t.not(hub.open('general', 'log', NO_BACKLOG), room)
  t.end()
})
