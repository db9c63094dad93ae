import t from 'tap'
import { Hub } from '../../../src/hub/hub.ts'
import { entry, FakeBacklog, KEEP, place } from '../fakes.ts'

const NO_BACKLOG = new FakeBacklog()

t.test('a room that is open is found by its name, and by no other', (t) => {
  const hub = new Hub()
  const room = hub.open('general', 'log', NO_BACKLOG, KEEP)
  t.equal(hub.get('general'), room)
  t.equal(hub.get('constructor'), undefined)
  t.equal(hub.size, 1)
  t.end()
})

t.test('a room that is open cannot be opened again before it is closed', (t) => {
  const hub = new Hub()
  const room = hub.open('general', 'log', NO_BACKLOG, KEEP)
  t.throws(() => hub.open('general', 'log', NO_BACKLOG, KEEP), { message: 'room general is open already' })
  hub.close('general')
  t.equal(hub.get('general'), undefined)
  t.not(hub.open('general', 'log', NO_BACKLOG, KEEP), room)
  t.end()
})

t.test('all rooms together keep 64 MiB of frames at most', (t) => {
  const hub = new Hub()
  const content = Buffer.from(`"${'x'.repeat(1_000_000)}"`)
  for (let n = 0; n < 80; n++) {
    const room = hub.open(`room-${n}`, 'log', NO_BACKLOG, KEEP)
    room.reset(place(0))
    room.deliver(entry(1, 'a', { content }))
  }
  t.ok(hub.ringBytes <= 67_108_864 && hub.ringBytes > 65_000_000, `${hub.ringBytes} bytes`)
  t.equal(hub.get('room-0')!.recent(place(0)), undefined)
  t.match(hub.get('room-79')!.recent(place(0)), [place(1)])
  t.end()
})

t.test('a room that is closed keeps no messages, and one that is not open closes without a word', (t) => {
  const hub = new Hub()
  const room = hub.open('general', 'log', NO_BACKLOG, KEEP)
  room.reset(place(0))
  room.deliver(entry(1))
  t.match(room.recent(place(0)), [place(1)])
  hub.close('general')
  t.equal(room.recent(place(0)), undefined)
  t.equal(hub.size, 0)
  hub.close('general')
  t.equal(hub.size, 0)
  t.end()
})
