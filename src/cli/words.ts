const UNITS = [['d', 86_400], ['h', 3_600], ['min', 60], ['s', 1]] as const

/** Seconds in the largest unit that there is one whole of: `3 min`. */
export function duration (seconds: number): string {
  const [unit, size] = UNITS.find(([, each]) => seconds >= each) ?? ['s', 1]
  return `${Math.floor(seconds / size)} ${unit}`
}

/** `1 room`, `2 rooms`, `1,000 rooms`. */
export function count (number: number, noun: string): string {
  return `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`
}

/** Milliseconds, with as many digits as mean something. */
export function millis (ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms).toLocaleString('en-US')} ms`
}
