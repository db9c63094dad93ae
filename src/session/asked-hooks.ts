import type { Refusal } from '../protocol/codes.ts'
import type { HookCalls } from './hook-calls.ts'
import type { Action } from './hooks.ts'
import { judge, type Judged, type Proposed, refuseByHook } from './judgement.ts'
import type { Session } from './session.ts'

/** A few at a time, so that no connection alone takes up what all may ask of hooks. */
async function inTurn<Decided> (session: Session, decide: () => Promise<Decided>): Promise<Decided> {
  const { decisions } = session
  await decisions.enter()
  try {
    return await decide()
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
