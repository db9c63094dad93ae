/** Full jitter: anywhere below a bound that doubles, so that who was cut off together does not come back together. */
export function backoffMs (attempt: number, firstMs: number, longestMs: number, random: () => number): number {
  return random() * Math.min(longestMs, firstMs * 2 ** attempt)
}
