/** The highest rate that is sustained: yields rates to try, and is told of each whether it was. */
export type Search = Generator<number, number, boolean>

const STEP = 1.3
const MOST_RATES = 10
const PRECISION = 1.06

/**
 * Up or down in steps until there is a rate that holds and one that does not, then halves the way between. A rate has
 * failed when it has failed twice: one window may fall into a bad moment of the machine.
 * @returns the highest that held; 0 where none did
 */
export function * searchRate (first: number, mostRates = MOST_RATES): Search {
  let held = 0
  let failed = Infinity
  let rate = first
  for (let tried = 0; tried < mostRates && failed > held * PRECISION; tried++) {
    if ((yield rate) || (yield rate)) held = rate
    else failed = rate
    if (failed === Infinity) rate = held * STEP
    else if (held === 0) rate = failed / STEP
    else rate = Math.sqrt(held * failed)
  }
  return held
}
