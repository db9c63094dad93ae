import t from 'tap'
import { FAULTS } from '../../bench/faults.ts'
import { startFaultWorld, survive } from './fault-world.ts'

// Each fault of bench/faults.ts that needs no replicas of its own, alone; `npm run chaos` mixes them.
t.setTimeout(300_000)

for (const fault of FAULTS.filter(({ where }) => where !== 'replicas')) {
  t.test(fault.name, { timeout: 60_000 }, async (t) => {
    const world = await startFaultWorld(t)
    await survive(t, world, fault)
    const reasons = new Set(world.crowd.ledger.gaps)
    if (fault.name.startsWith('A1 ')) {
      t.strictSame(world.crowd.ledger.gaps, Array(8).fill('epoch'), 'one for each client')
    } else if (!fault.isLogIntact) t.ok([...reasons].every((reason) => ['fork', 'ahead'].includes(reason)), [...reasons].join())
  })
}
