import { type Authenticator, type Identified, isUserName, type Presented, USER_RULE } from '../auth/auth.ts'
import { Grants } from '../auth/grants.ts'
import { readInfo } from '../auth/info.ts'
import { type Refusal, refusal } from '../protocol/codes.ts'
import type { HookCalls } from './hook-calls.ts'
import type { AuthRequest, Hooks, User } from './hooks.ts'

/** Users as the operator's own hook knows them, in the place of tokens. */
export class HookAuthenticator implements Authenticator {
  readonly #calls: HookCalls
  readonly #authenticate: NonNullable<Hooks['authenticate']>

  constructor (calls: HookCalls, authenticate: NonNullable<Hooks['authenticate']>) {
    this.#calls = calls
    this.#authenticate = authenticate
  }

  async verify (token: string): Promise<Identified | Refusal> {
    return await this.identify({ token, headers: {}, query: {}, ip: '' })
  }

  async identify ({ token, headers, query, ip }: Presented): Promise<Identified | Refusal> {
    const request: AuthRequest = { token, headers, query: query as AuthRequest['query'], ip }
    return await this.#calls.decide('authenticate', (context) => this.#authenticate(request, context), (user) =>
      user ? identified(user) : refusal('unauthenticated', 'not known'))
  }
}

/** @throws where the hook said what cannot be */
function identified ({ user, rooms, can, info, expires }: User): Identified {
  if (typeof user !== 'string' || !isUserName(user)) {
    throw new TypeError(`authenticate: user: ${USER_RULE}`)
  }
  const expiresMs = expires?.getTime()
  if (Number.isNaN(expiresMs)) throw new TypeError('authenticate: expires: must be a date')
  return {
    user, grants: Grants.of({ rooms, can }), info: readInfo(info), expiresMs, endsMs: expiresMs ?? Infinity
  }
}
