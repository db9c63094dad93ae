/** How many of each duration, in buckets that are at most 1.6 % wide; recording allocates nothing. */
interface Histogram {
  readonly count: number
  record (us: number): void
  /** The duration that so many percent stayed at or under; 0 where nothing was recorded. */
  percentileUs (percent: number): number
  clear (): void
}

const SUB_BUCKET_BITS = 6
const SUB_BUCKETS = 2 ** SUB_BUCKET_BITS
const LONGEST_US = 2 ** 31 - 1

export function createHistogram (): Histogram {
  const counts = new Uint32Array(bucketOf(LONGEST_US) + 1)
  let count = 0
  return {
    get count () {
      return count
    },
    record (us) {
      counts[bucketOf(Math.min(Math.max(us, 0), LONGEST_US) | 0)]!++
      count++
    },
    percentileUs (percent) {
      const wanted = Math.max(1, Math.ceil(count * percent / 100))
      let seen = 0
      for (let bucket = 0; bucket < counts.length; bucket++) {
        seen += counts[bucket]!
        if (seen >= wanted) return upperEndOf(bucket)
      }
      return 0
    },
    clear () {
      counts.fill(0)
      count = 0
    }
  }
}

/** Each power of two has as many buckets, from twice that many on; below, each microsecond has its own. */
function bucketOf (us: number): number {
  const shift = Math.max(0, 31 - Math.clz32(us) - SUB_BUCKET_BITS)
  return shift * SUB_BUCKETS + (us >> shift)
}

function upperEndOf (bucket: number): number {
  const shift = Math.max(0, Math.floor(bucket / SUB_BUCKETS) - 1)
  return (bucket - shift * SUB_BUCKETS + 1) * 2 ** shift - 1
}
