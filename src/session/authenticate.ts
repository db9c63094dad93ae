import { isIdentified } from '../auth/auth.ts'
import { refusal } from '../protocol/codes.ts'
import type { RequestOf } from '../protocol/messages.ts'
import { depart } from './membership.ts'
import { refuseJoin } from './permissions.ts'
import type { Session } from './session.ts'

/** A fresh token on a live connection: it must be the same user's, and rooms that it no longer allows are left. */
export async function authenticate (session: Session, { id, token }: RequestOf<'auth'>): Promise<void> {
  const { auth } = session.services
  if (auth === undefined) return session.refuse(refusal('forbidden', 'this gateway is open: it knows no tokens'), id)
  const identified = await auth.verify(token)
  if (session.isClosed) return
  if (!isIdentified(identified)) return session.refuse(identified, id)
  const { user } = session.identity
  if (identified.user !== user) return session.refuse(refusal('forbidden', 'token: sub: must be the same user as before'), id)
  session.credentials.renew(identified)
  session.reply({ type: 'authenticated', id, user, expires: session.credentials.expires })
  for (const room of [...session.members.keys()]) {
    if (refuseJoin(identified.grants, room) === undefined) continue
    depart(session, room)
    session.reply({ type: 'left', room, reason: 'forbidden' })
  }
}
