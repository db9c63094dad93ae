/** What a bench does. */
export interface Plan {
  readonly connections: number
  readonly rooms: number
  readonly publishers: number
  /** Messages a second of each publisher. */
  readonly perSecond: number
  readonly seconds: number
  /** Of a message's content, about. */
  readonly bytes: number
}

/** Why so: one process is to be able to do it, and nobody is to flood a deployment by a slip of the finger. */
export const LIMITS = {
  connections: 5_000,
  rooms: 1_000,
  publishers: 1_000,
  perSecond: 1_000,
  seconds: 300,
  bytes: 32_768,
  deliveriesPerSecond: 200_000
} as const

export const DEFAULTS: Plan = { connections: 100, rooms: 10, publishers: 10, perSecond: 10, seconds: 10, bytes: 100 }

/** What is wrong with a plan, with the flags by their names; undefined for nothing. */
export function problemOf ({ connections, rooms, publishers, perSecond }: Plan): string | undefined {
  if (rooms > connections) return `--rooms: must be at most --connections (${connections}): each room has a member`
  if (publishers > connections) return `--publishers: must be at most --connections (${connections}): each of them is one`
  const deliveries = perSecond * publishers * connections / rooms
  if (deliveries <= LIMITS.deliveriesPerSecond) return undefined
  return `--rate: ${Math.round(deliveries).toLocaleString('en-US')} deliveries a second are more than this command does` +
    ` (${LIMITS.deliveriesPerSecond.toLocaleString('en-US')}): lower --rate, --publishers or --connections`
}
