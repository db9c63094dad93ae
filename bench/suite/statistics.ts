/** NaN where there is nothing. */
export function median (values: readonly number[]): number {
  if (values.length === 0) return NaN
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function least (values: readonly number[]): number {
  return values.length === 0 ? NaN : Math.min(...values)
}

export function most (values: readonly number[]): number {
  return values.length === 0 ? NaN : Math.max(...values)
}
