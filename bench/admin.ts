import { Redis } from 'ioredis'

/** A connection of a bench's own to Redis, past every proxy; it bears a Redis that is busy, loading or gone. */
export async function asAdmin<Result> (url: string, run: (admin: Redis) => Promise<Result>): Promise<Result> {
  const admin = new Redis(url, { maxRetriesPerRequest: null, enableReadyCheck: false })
  // What fails rejects; there is no more to say.
  admin.on('error', () => {})
  try {
    return await run(admin)
  } finally {
    admin.disconnect()
  }
}
