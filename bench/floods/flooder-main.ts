import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { FLOODS, type Outcome } from './attacks.ts'

/**
 * A process of its own that floods until it is told to stop, so that the loop of whoever measures is not the one that
 * is late: `flooder-main.js NAME PORT ADDRESS`. Then it says how its connections were ended, how often each.
 */
const [name = '', port = '', localAddress = ''] = process.argv.slice(2)
const { attack, lanes } = FLOODS[name]!
const stop = new AbortController()
setMaxListeners(0, stop.signal)
const outcomes: Record<Outcome, number> = {}
// Who is refused comes again, but not in the same moment.
const REFUSED_MS = 50

process.on('message', () => stop.abort())
process.on('disconnect', () => process.exit(1))

await Promise.all(Array.from({ length: lanes }, async () => {
  while (!stop.signal.aborted) {
    const outcome = await attack(Number(port), { localAddress }, stop.signal)
    if (outcome === undefined) continue
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    if (/^(429|503)$/.test(outcome)) await delay(REFUSED_MS)
  }
}))
process.send!(outcomes, () => process.exit(0))
