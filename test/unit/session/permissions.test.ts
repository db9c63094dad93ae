import t from 'tap'
import { Grants } from '../../../src/auth/grants.ts'
import { refuseLeave, refusePublish } from '../../../src/session/permissions.ts'
import type { RoomRule } from '../../../src/session/services.ts'

function rule (publish: RoomRule['publish']): RoomRule {
  return { kind: 'log', publish, presence: true }
}

t.test('members may publish, and others are asked to join first', (t) => {
  t.equal(refusePublish(Grants.open, 'general', rule('members'), true), undefined)
  t.match(refusePublish(Grants.open, 'general', rule('members'), false), { reason: 'not_joined', message: 'join the room first' })
  t.end()
})

t.test('where anyone may publish, membership is not asked for', (t) => {
  t.equal(refusePublish(Grants.open, 'general', rule('anyone'), false), undefined)
  t.equal(refusePublish(Grants.open, 'general', rule('anyone'), true), undefined)
  t.end()
})

t.test('where the server publishes, not even a member may', (t) => {
  const refused = { reason: 'forbidden', message: 'room: only the server may publish here' }
  t.match(refusePublish(Grants.open, 'general', rule('server'), true), refused)
  t.match(refusePublish(Grants.open, 'general', rule('server'), false), refused)
  t.end()
})

t.test('no rule opens $all or position to messages', (t) => {
  for (const publish of ['members', 'anyone', 'server'] as const) {
    t.match(refusePublish(Grants.open, '$all', rule(publish), true), { reason: 'forbidden', message: 'room: $all is for broadcasts' })
    t.match(refusePublish(Grants.open, 'position', rule(publish), true), { reason: 'forbidden', message: 'room: position changes by move' })
  }
  t.end()
})

t.test('every room can be left but $all', (t) => {
  t.equal(refuseLeave('general'), undefined)
  t.equal(refuseLeave('position'), undefined)
  t.match(refuseLeave('$all'), { reason: 'forbidden', message: 'room: every connection is in $all' })
  t.end()
})
