import t, { type Test } from 'tap'
import { MemoryBroker, MemoryBus } from '../../src/broker/memory.ts'
import { MemoryLog, type RoomLog } from '../../src/log/memory.ts'
import { MemoryPosition } from '../../src/position/memory.ts'
import { FakeTime, turn } from '../unit/fakes.ts'
import { checkCommands } from './commands.ts'
import { KEEP, RealReplica, REPLICAS, ROOM, type World } from './world.ts'

const RUNS = 2_000

/** Three replicas on one bus, in time that passes by hand: the same commands always do the same. */
async function startWorld (time: FakeTime): Promise<World> {
  const bus = new MemoryBus()
  const rooms = new Map<string, RoomLog>()
  const log = new MemoryLog(bus, () => KEEP, rooms)
  const position = new MemoryPosition(bus, log, { min: 0, max: 0 })
  const replicas = await Promise.all(Array.from({ length: REPLICAS }, () =>
    RealReplica.start({ broker: new MemoryBroker(bus), log, position })))
  return {
    replicas,
    append: async (content) => log.store(ROOM, { from: '"bob"', content: JSON.stringify(content) }),
    flush: async () => { rooms.delete(ROOM) },
    fork: async (count) => {
      const room = rooms.get(ROOM)!
      for (const lost of room.entries.splice(room.entries.length - count)) {
        // The place before the first of them.
        if (lost.seq <= room.top.seq) room.top = { epoch: lost.epoch, seq: lost.seq - 1, id: lost.prev }
      }
    },
    settle: async () => {
      for (let step = 0; step < 12; step++) {
        await turn()
        time.pass(50)
      }
      await turn()
    },
    end: async () => {
      for (const replica of replicas) await replica.stop()
      await log.stop()
    }
  }
}

t.setTimeout(240_000)
t.test('whatever happens to a room, its clients get each message once and in order, or a gap that says why', async (t: Test) => {
  const time = new FakeTime(t)
  await checkCommands(t, RUNS, () => startWorld(time))
})
