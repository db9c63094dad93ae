import t from 'tap'
import { connect } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { WebhookTarget } from '../helpers/webhook-target.ts'

t.test('a target is told of rooms and members, in order, each once, signed', async (t) => {
  const target = await WebhookTarget.start(t)
  const { ws } = await startGateway(t, target.settings)
  const ann = await connect(t, `${ws}?user=ann&join=general&join=live:cursors`)
  await ann.ask({ type: 'members', room: 'general' })
  const bob = await connect(t, `${ws}?user=bob&join=general`)
  await bob.ask({ type: 'leave', room: 'general' })
  for (const room of ['general', 'live:cursors']) await ann.ask({ type: 'leave', room })
  await target.hears('room.vacated general', 'room.vacated live:cursors')
  t.strictSame(target.told.filter((text) => text.includes('general')), [
    'room.occupied general', 'member.joined general ann', 'member.joined general bob', 'member.left general bob',
    'member.left general ann', 'room.vacated general'
  ])
  t.strictSame(target.told.filter((text) => text.includes('live')), ['room.occupied live:cursors', 'room.vacated live:cursors'])
  t.strictSame(target.taken.filter(({ user }) => user).map(({ count }) => count), [1, 2, 1, 0])
  t.strictSame(target.bad, [])
  t.equal(target.mostOpen, 1, 'one connection at a time')
  t.notMatch(target.deliveries[0]!.headers, { authorization: /./ })
})
