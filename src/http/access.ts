import type { FastifyRequest, preParsingAsyncHookHandler } from 'fastify'
import { type Access, type Authenticator, isIdentified, OPEN_ACCESS } from '../auth/auth.ts'
import type { Grants } from '../auth/grants.ts'
import { type Refusal, refusal } from '../protocol/codes.ts'
import type { HookCalls } from '../session/hook-calls.ts'
import type { Action } from '../session/hooks.ts'
import { refuseByHook } from '../session/judgement.ts'
import type { Asker } from './asker.ts'
import { sendRefusal } from './errors.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks, where the route has let them in. */
    caller: Caller | undefined
  }
}

/** Who asks over HTTP. `user` is undefined in an open gateway, where nobody says who they are. */
export interface Caller {
  readonly user: string | undefined
  readonly access: Access
}

/** The token of the `Authorization` header (RFC 6750 section 2.1). A header that is none of ours is a bad token. */
function bearerOf (request: Asker): string | undefined {
  const { authorization } = request.headers
  return authorization === undefined ? undefined : /^Bearer +([^ ]+) *$/i.exec(authorization)?.[1] ?? ''
}

/** `?token=`, for browsers, which cannot set a header on a WebSocket or an event stream. */
function queryTokenOf (request: Asker): string | undefined {
  const token = (request.query as Readonly<Record<string, string | string[] | undefined>>)['token']
  return Array.isArray(token) ? '' : token
}

/**
 * Whether this is asked as browsers must, which cannot set the header, and hide the status of an upgrade that fails:
 * with a token in the address, or with what only a hook knows of, such as a cookie.
 */
export function isAskedByBrowser (request: Asker, auth: Authenticator | undefined): boolean {
  return request.headers.authorization === undefined &&
    (queryTokenOf(request) !== undefined || auth?.identify !== undefined)
}

/** @param mayBeInQuery whether the token may be in the address, too */
export async function identify (
  request: Asker, auth: Authenticator | undefined, mayBeInQuery = false
): Promise<Caller | Refusal> {
  if (auth === undefined) return { user: undefined, access: OPEN_ACCESS }
  const token = bearerOf(request) ?? (mayBeInQuery ? queryTokenOf(request) : undefined)
  const outcome = auth.identify !== undefined
    ? await auth.identify({ token, headers: request.headers, query: request.query, ip: request.ip })
    : token === undefined ? refusal('unauthenticated') : await auth.verify(token)
  return isIdentified(outcome) ? { user: outcome.user, access: outcome } : outcome
}

export function isCaller (outcome: Caller | Refusal): outcome is Caller {
  return 'access' in outcome
}

/** The room in the path of a route that has one. */
export function roomOf ({ params }: FastifyRequest): string {
  return (params as { room: string }).room
}

type Permit = (grants: Grants, request: FastifyRequest) => Refusal | undefined

/** What the operator's own rule is asked, where there is one. */
interface Asked {
  readonly hooks: HookCalls | undefined
  readonly action: Action
  /** Undefined where it is about no room. */
  readonly roomOf?: (request: FastifyRequest) => string
}

/**
 * Lets a request in by its token and what that allows: after the rate limit (which is onRequest) and before the body is
 * read.
 */
export function guard (
  auth: Authenticator | undefined, permit: Permit, asked?: Asked
): { preParsing: preParsingAsyncHookHandler } {
  return {
    preParsing: async (request, reply) => {
      const caller = await identify(request, auth)
      if (!isCaller(caller)) return sendRefusal(reply, caller)
      const refused = permit(caller.access.grants, request) ??
        (asked && await refuseByHook(asked.hooks, caller.user, asked.action, asked.roomOf?.(request)))
      if (refused !== undefined) return sendRefusal(reply, refused)
      request.caller = caller
    }
  }
}
