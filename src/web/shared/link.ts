import { signal } from '@preact/signals'
import { type Client, connect, type State, TidegateError } from '../../client/index.ts'
import { addressOf } from './address.ts'
import { recall, remember } from './store.ts'
import { keepToken, onOtherToken, pageToken } from './token.ts'

const ASK_MS = 5_000

export interface Status {
  readonly state: State
  /** When it is tried again, by `Date.now()`. */
  readonly retryAtMs?: number | undefined
  readonly error?: TidegateError | undefined
}

/** The page's one connection: what it is at. */
export const status = signal<Status>({ state: 'connecting' })
/** Who the gateway says that we are; empty before it did. */
export const user = signal('')
/** The replica that serves this tab. */
export const replica = signal('')
/** Another one after a new name or token. */
export const client = signal<Client>(open())

/** The name that was chosen in this browser; empty where none was. */
export const chosenName = signal(recall('name') ?? '')

export function hasToken (): boolean {
  return pageToken() !== null
}

/** Only in open gateways: a token says who somebody is. */
export function goBy (name: string): void {
  chosenName.value = name
  remember('name', name)
  renew()
}

/** By a token that was pasted. */
export function signIn (token: string): void {
  keepToken(token)
  renew()
}

onOtherToken(renew)

function renew (): void {
  const old = client.peek()
  user.value = ''
  status.value = { state: 'connecting' }
  client.value = open()
  old.close()
}

function open (): Client {
  const token = pageToken() ?? undefined
  const made = connect(addressOf('ws'), { user: recall('name') || undefined, token })
  const isCurrent = (): boolean => client.peek() === made
  made.on('state', ({ state, retryInMs, error }) => {
    if (!isCurrent()) return
    status.value = { state, error, retryAtMs: retryInMs === undefined ? undefined : Date.now() + retryInMs }
    if (state === 'waiting' && token === undefined && made.user === undefined) void askWhy(made)
  })
  made.on('welcome', (welcome) => {
    if (!isCurrent()) return
    user.value = welcome.user
    replica.value = welcome.replica
  })
  return made
}

/** A browser does not tell why an upgrade was refused; over HTTP the gateway says so. */
async function askWhy (made: Client): Promise<void> {
  const answer = await fetch(addressOf('position'), { signal: AbortSignal.timeout(ASK_MS) }).catch(() => undefined)
  if (answer?.status !== 401 || client.peek() !== made || made.user !== undefined) return
  made.close()
  status.value = { state: 'closed', error: new TidegateError('unauthenticated', 'this gateway asks for a token') }
}
