import { type Refusal, refusal } from '../protocol/codes.ts'
import { Gate } from './gate.ts'
import type { HookCalls } from './hook-calls.ts'
import type { Action } from './hooks.ts'
import { judge, type Judged, type Proposed, refuseByHook } from './judgement.ts'
import type { Session } from './session.ts'

/** So many are asked at once for one connection. */
export const MAX_DECISIONS = 8

/** A few at a time, so that no connection alone takes up what all may ask of hooks. */
async function inTurn<Decided> (
  turns: Pick<Session, 'decisions' | 'isClosed'>, decide: () => Promise<Decided | Refusal>
): Promise<Decided | Refusal> {
  const { decisions } = turns
  await decisions.enter()
  try {
    // What waited longer than its connection lasted is not carried out, and is not worth a hook's time.
    return turns.isClosed ? refusal('unavailable') : await decide()
  } finally {
    decisions.leave()
  }
}

/** What the operator's hooks make of what a connection wants to publish. Never rejects. */
export async function judgeFor (session: Session, hooks: HookCalls, proposed: Proposed): Promise<Judged | Refusal> {
  return await inTurn(session, () => judge(hooks, session, proposed, session.services.limits.maxMessageBytes))
}

/**
 * What the operator's own rule says to what a connection wants, where there is one; undefined for yes. Never rejects.
 */
export async function refuseFor (session: Session, action: Action, room: string): Promise<Refusal | undefined> {
  return await inTurn(session, () => refuseByHook(session.services.hooks, session.user, action, room))
}

/** The same for all rooms of a connection that has yet to begin; what is refused is told with its room. */
export async function refuseJoins (
  hooks: HookCalls | undefined, user: string, rooms: readonly string[]
): Promise<Refusal | undefined> {
  const turns = { decisions: new Gate(MAX_DECISIONS), isClosed: false }
  const refusals = await Promise.all(rooms.map(async (room) => {
    const refused = await inTurn(turns, () => refuseByHook(hooks, user, 'join', room))
    return refused && refusal(refused.reason, `room: ${room}: ${refused.message}`)
  }))
  return refusals.find((refused) => refused !== undefined)
}
