import type { FastifyRequest } from 'fastify'
import { type Refusal, refusal } from '../protocol/codes.ts'
import type { IdempotencyKey } from '../protocol/entry.ts'
import type { UserRates } from '../session/user-rates.ts'

/** Who a message is from where nobody says so. */
const SERVER = 'server'

export interface Author {
  /** As messages carry it: a JSON string literal. */
  readonly from: string
  readonly key: IdempotencyKey | undefined
}

interface Named {
  /** Null is the same as absent. */
  readonly from?: string | null
  readonly key?: string | null
}

/**
 * Who publishes: the token's user, whose keys are the same ones on a socket and here; in an open gateway whoever the
 * body says. The key stands in the body or in `Idempotency-Key`. One more publish of a user is counted.
 */
export function authorOf (
  { caller, headers }: FastifyRequest, body: Named, userRates: UserRates | undefined
): Author | Refusal {
  const inHeader = headers['idempotency-key'] as string | undefined
  const inBody = body.key ?? undefined
  if (inHeader !== undefined && inBody !== undefined && inHeader !== inBody) {
    return refusal('bad_message', 'key: must be the same as idempotency-key')
  }
  const user = caller?.user ?? body.from ?? undefined
  const key = inHeader ?? inBody
  const scope = user === undefined ? 'http' : `user:${user}`
  return refuseRate(caller?.user, userRates) ??
    { from: JSON.stringify(user ?? SERVER), key: key === undefined ? undefined : { scope, key } }
}

function refuseRate (user: string | undefined, userRates: UserRates | undefined): Refusal | undefined {
  const waitMs = user === undefined ? 0 : userRates?.take(user) ?? 0
  return waitMs === 0 ? undefined : refusal('rate_limited', 'too many publishes of this user', waitMs)
}

export function isAuthor (outcome: Author | Refusal): outcome is Author {
  return 'from' in outcome
}
